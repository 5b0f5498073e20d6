"""Packages of the extras: a command asks for them before it begins its work."""

from __future__ import annotations

import importlib.util


def needs(*packages: str, extra: str = "train") -> None:
    """Raises ImportError that names the packages that are not installed, and what installs them."""
    if missing := [name for name in packages if importlib.util.find_spec(name) is None]:
        raise ImportError(f"{', '.join(missing)} not installed: pip install 'deepfake-guard[{extra}]'")
