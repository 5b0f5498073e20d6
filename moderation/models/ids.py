from __future__ import annotations

import secrets
import threading
import time
import uuid
from collections.abc import Iterable
from datetime import datetime
from enum import Enum

_lock = threading.Lock()
_last = 0


def new_id() -> uuid.UUID:
    """A time-ordered UUID, version 7 (RFC 9562 §5.7): public, unguessable enough, kind to b-tree indexes.

    Twelve bits of the millisecond's fraction follow it (§6.2, method 3). With a millisecond for each id, a burst of
    thousands would leave this process seconds ahead of the others, and of the times that `first_id` is asked for.
    """
    global _last
    with _lock:
        _last = ticks = max(_last + 1, (time.time_ns() << 12) // 1_000_000)
    return uuid.UUID(int=ticks >> 12 << 80 | 0x7 << 76 | (ticks & 0xFFF) << 64 | 0b10 << 62 | secrets.randbits(62))


def choices(values: Iterable[Enum]) -> list[tuple[str, str]]:
    return [(str(v.value), str(v.value).replace("_", " ")) for v in values]


def first_id(at: datetime) -> uuid.UUID:
    """The smallest id that `new_id` could give at this moment: rows made since then have this one or a greater one."""
    return uuid.UUID(int=(max(0, int(at.timestamp() * 1000)) << 80) | (0x7 << 76) | (0b10 << 62))
