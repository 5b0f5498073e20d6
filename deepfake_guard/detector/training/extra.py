"""Packages that only training and evaluation use: named with their install line where they are missing."""

from __future__ import annotations

import importlib.util

INSTALL_LINE = "pip install 'deepfake-guard[train]'"


def needs(*packages: str) -> None:
    """Raises ImportError that names the packages that are not installed, and what installs them."""
    if missing := [name for name in packages if importlib.util.find_spec(name) is None]:
        raise ImportError(f"{', '.join(missing)} not installed: {INSTALL_LINE}")
