from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime
from enum import Enum

import uuid6


def new_id() -> uuid.UUID:
    """A time-ordered UUID, version 7 (RFC 9562 §5.7): public, unguessable enough, kind to b-tree indexes."""
    return uuid.UUID(bytes=uuid6.uuid7().bytes)


def choices(values: Iterable[Enum]) -> list[tuple[str, str]]:
    return [(str(v.value), str(v.value).replace("_", " ")) for v in values]


def first_id(at: datetime) -> uuid.UUID:
    """The smallest id that `new_id` could give at this moment: rows made since then have this one or a greater one."""
    return uuid.UUID(int=(max(0, int(at.timestamp() * 1000)) << 80) | (0x7 << 76) | (0b10 << 62))
