"""Grave cases are spread out for the person who looks at them. Pure functions on plain values."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime

IN_A_ROW = 3
LOOKED_AHEAD = 10  # how many of the most urgent cases are looked through for a lighter one


@dataclass(frozen=True, slots=True)
class Waiting:
    name: Hashable
    due_at: datetime
    grave: bool


def next_for(recent: Sequence[bool], waiting: Sequence[Waiting], now: datetime) -> Waiting:
    """The case that comes next for one person. Raises IndexError where none waits.

    recent: whether the cases that the person saw last were grave, newest first; waiting: the most urgent first. After
    three grave ones in a row the most urgent one that is not grave comes between; a late case is never passed over.
    """
    first = waiting[0]
    tired = len(recent) >= IN_A_ROW and all(recent[:IN_A_ROW])
    if not tired or not first.grave or first.due_at <= now:
        return first
    return next((case for case in waiting[:LOOKED_AHEAD] if not case.grave), first)
