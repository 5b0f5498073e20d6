"""Stored originals as files on this machine: the decoder gets a descriptor of one, and a bucket has none.

From a storage that keeps files here the path is its own. From any other a copy is made: in a temporary folder that only
this user can read, never larger than the largest upload, gone when the work on it ends.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from moderation import media_store
from moderation.conf import conf

NOWHERE = Path("/nonexistent")  # a path for what could not be copied: whoever opens it is told so


@contextmanager
def folder() -> Iterator[Path]:
    """Where the copies of one piece of work lie."""
    made = Path(tempfile.mkdtemp(prefix="guard-originals-"))  # mode 0700
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def local(name: str, copies: Path) -> Path:
    """Raises FileNotFoundError where the storage has no such file, OSError where it cannot say or give it."""
    return media_store.path(name) or _copied(name, copies)


def _copied(name: str, copies: Path) -> Path:
    copy = copies / name.replace("/", "-")
    limit = conf().MAX_UPLOAD_BYTES
    with copy.open("wb") as here:
        for chunk in media_store.chunks(name):
            if here.tell() + len(chunk) > limit:
                raise OSError(f"more than {limit} bytes")
            here.write(chunk)
    return copy
