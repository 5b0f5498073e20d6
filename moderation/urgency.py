"""When a case is due, and whose turn it is. Pure functions on plain values; docs/console.md says them in words.

The score alone decides nothing: every case is due within its platform's time, whatever the detector found.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from moderation.vocabulary import Reason, Severity

SHARES = {Severity.LOW: 1.0, Severity.NORMAL: 0.75, Severity.HIGH: 0.25}  # of the platform's time
FAR_PAST_THE_LINE, ITS_SHARE = 10, 0.75  # p ten times below the line: three quarters of the time that is left
SMALLEST_SHARE = 1 / 24
GRAVE = frozenset({Reason.AT_BLOCK_LINE, Reason.APPEALED, Reason.GRAVE_REPORT})
SLIGHT = frozenset({Reason.DECODE_ERROR, Reason.TOO_MANY_PIXELS, Reason.TOO_MANY_FRAMES, Reason.ATTEMPTS_SPENT})
STEP = timedelta(minutes=2)  # how far each case served in the last hour puts its platform back


@dataclass(frozen=True, slots=True)
class Lane:
    """A platform with free cases: when its most urgent one is due, and how many it was served in the last hour."""

    name: Any
    head: datetime
    served: int


def severity_of(reasons: Collection[str]) -> Severity:
    """From why a case is there: the gravest of its reasons."""
    if GRAVE & set(reasons):
        return Severity.HIGH
    return Severity.LOW if reasons and set(reasons) <= SLIGHT else Severity.NORMAL


def due_at(
    arrived: datetime, hours: float, severity: Severity, *, p_value: float | None, line: float, reports: float
) -> datetime:
    """After `arrived` and at most `hours` later. Graver, further past the line, more reported: never later.

    `reports` is the weight of its user reports: the sum of their reporters' records, 0 to 1 each.
    """
    share = SHARES[severity]
    if p_value is not None and p_value * FAR_PAST_THE_LINE <= line:
        share *= ITS_SHARE
    share /= 1 + reports
    return arrived + timedelta(hours=hours) * max(share, SMALLEST_SHARE)


def record(confirmed: int, unfounded: int) -> float:
    """How far a reporter is to be believed, from 0 to 1 (Laplace's rule of succession): half where nothing is known."""
    return (1 + confirmed) / (2 + confirmed + unfounded)


def turn(lanes: Sequence[Lane], now: datetime) -> Lane:
    """Which platform is served next. Raises ValueError for no lanes.

    Among platforms with a late case the one that was served least; else the most urgent case, each platform put back
    by what it was served lately. So no flood starves another platform: once late, a case waits at most until every
    other platform was served as often as its own.
    """
    late = [lane for lane in lanes if lane.head <= now]
    if late:
        return min(late, key=lambda lane: (lane.served, lane.head))
    return min(lanes, key=lambda lane: (lane.head + lane.served * STEP, lane.served))
