from __future__ import annotations

import uuid
from collections.abc import Iterable
from enum import Enum

import uuid6


def new_id() -> uuid.UUID:
    """A time-ordered UUID, version 7 (RFC 9562 §5.7): public, unguessable enough, kind to b-tree indexes."""
    return uuid.UUID(bytes=uuid6.uuid7().bytes)


def choices(values: Iterable[Enum]) -> list[tuple[str, str]]:
    return [(str(v.value), str(v.value).replace("_", " ")) for v in values]
