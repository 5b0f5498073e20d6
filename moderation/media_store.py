"""Files in STORAGES["media"], with errors of one kind: each storage has its own, and botocore's are no OSErrors.

A file that is not there is a FileNotFoundError; whatever else a storage raises becomes a StorageFault.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog
from django.core.files.base import ContentFile
from django.core.files.storage import storages

from moderation import filing

CHUNK = 1024 * 1024

log = structlog.get_logger(__name__)


class StorageFault(OSError):
    """The storage cannot say, give, take or delete: another time it may."""


@contextmanager
def _faults() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except Exception as error:  # of a kind that only the storage knows
        raise StorageFault(f"{type(error).__name__}: {error}") from error


def save(folder: str, content: Any) -> str:
    """Bytes or a Django File under a new name in one of `filing.FOLDERS`; returns the name."""
    with _faults():
        file = ContentFile(content) if isinstance(content, bytes) else content
        return storages["media"].save(filing.new_name(folder), file)


def chunks(name: str) -> Iterator[bytes]:
    with _faults(), storages["media"].open(name) as stored:
        while chunk := stored.read(CHUNK):
            yield chunk


def read(name: str) -> bytes:
    return b"".join(chunks(name))


def exists(name: str) -> bool:
    with _faults():
        return storages["media"].exists(name)


def path(name: str) -> Path | None:
    """Where the file lies on this machine; None of a storage that keeps none here."""
    try:
        with _faults():
            return Path(storages["media"].path(name))
    except StorageFault as error:
        if isinstance(error.__cause__, NotImplementedError):  # as Django's Storage says it
            return None
        raise


def delete(name: str) -> None:
    """Nothing happens where it is not there."""
    with _faults():
        storages["media"].delete(name)


def discard(names: Iterable[str]) -> int:
    """Deletes what nobody needs; returns how many. What cannot be deleted now, `retention.purge_orphans` finds."""
    deleted = 0
    for name in names:
        try:
            delete(name)
            deleted += 1
        except OSError as error:
            log.warning("file_not_deleted", name=name, error=str(error))
    return deleted


def modified_at(name: str) -> datetime:
    with _faults():
        return storages["media"].get_modified_time(name)


def listed(folder: str) -> tuple[list[str], list[str]]:
    """Names of the folders and of the files in it; none where nothing was ever kept there."""
    try:
        with _faults():
            return storages["media"].listdir(folder)
    except FileNotFoundError:
        return [], []
