"""The face finders there are on this machine, for tests that go through them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from deepfake_guard.detector import faces

YUNET = Path(__file__).parents[3] / "shared" / "models" / faces.YUNET_FILE  # beside the checkout, where there is one


@cache
def finder(name: str) -> faces.Finder:
    """A finder by name; skips the test, with the reason, where it is not here."""
    if name == "yunet":
        if not YUNET.is_file():
            pytest.skip("YuNet's file is not beside the checkout")
        return faces.choose(YUNET.parent)
    if name == "yuface":
        pytest.importorskip("yuface", reason="the yuface wheel exists for Linux x86-64 and Python 3.11 alone")
        return faces.choose(Path("no such folder"))
    return faces.haar()


def landmarks() -> Path:
    """A folder for `--faces` with which a finder is chosen that gives landmarks; skips the test where there is none."""
    if YUNET.is_file():
        return YUNET.parent
    finder("yuface")
    return Path("no such folder")
