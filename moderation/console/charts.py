"""Charts as SVG geometry in a 100 × 100 box that stretches; every word stays HTML. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from moderation.services.quality.measures import Estimate

FULL = 100.0
NICE = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True, slots=True)
class Bar:
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Bars:
    """`ticks` from the top down, five of them, as the grid has lines."""

    bars: tuple[Bar, ...]
    ticks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Line:
    path: str
    dots: tuple[tuple[float, float], ...]
    ticks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Whisker:
    """A row: its estimate and interval along 0 to `top`, clipped there."""

    name: str
    estimate: Estimate
    at: float | None
    low: float | None
    high: float | None


def nice_top(value: float) -> float:
    """The next round number: 1, 2, 2.5 or 5 times a power of ten, and never below 1."""
    if value <= 1:
        return 1.0
    scale = 10.0 ** math.floor(math.log10(value))
    return next(step * scale for step in NICE if step * scale >= value - 1e-9)


def count_top(value: float) -> float:
    """The same for counts: four whole steps."""
    step = nice_top(math.ceil(value / 4))
    return 4 * math.ceil(step)


def bars(values: Sequence[float], top: float | None = None) -> Bars:
    top = top or count_top(max(values, default=0))
    slot = FULL / max(len(values), 1)
    made = [
        Bar(index * slot + slot * 0.14, FULL - FULL * value / top, slot * 0.72, FULL * value / top)
        for index, value in enumerate(values)
    ]
    return Bars(tuple(made), ticks(top))


def line(
    values: Sequence[float | None], bottom: float = 0.0, top: float | None = None, *, over_bars: bool = False
) -> Line:
    """Values at even distances; a gap where one is missing, and a dot for each, so that one alone is seen.

    over_bars: at the middles of as many bars.
    """
    known = [value for value in values if value is not None]
    top = top if top is not None else nice_top(max(known, default=0))
    step = FULL / max(len(values) if over_bars else len(values) - 1, 1)
    start = step / 2 if over_bars else 0.0
    parts, dots, pen = [], [], "M"
    for index, value in enumerate(values):
        if value is None:
            pen = "M"
            continue
        x = start + index * step if len(values) > 1 else FULL / 2
        y = FULL - FULL * (min(max(value, bottom), top) - bottom) / (top - bottom)
        parts.append(f"{pen}{x:.2f} {y:.2f}")
        dots.append((round(x, 2), round(y, 2)))
        pen = "L"
    return Line("".join(parts), tuple(dots), ticks(top, bottom))


def height_of(value: float, top: float, bottom: float = 0.0) -> float:
    """Where a goal or a band's edge lies, from above."""
    return FULL - FULL * (min(max(value, bottom), top) - bottom) / (top - bottom)


def ticks(top: float, bottom: float = 0.0) -> tuple[str, ...]:
    return tuple(f"{bottom + (top - bottom) * share / 4:g}" for share in (4, 3, 2, 1, 0))


def whiskers(rows: Sequence[tuple[str, Estimate]], top: float = 1.0) -> list[Whisker]:
    return [
        Whisker(name, estimate, _along(estimate.value, top), _along(estimate.low, top), _along(estimate.high, top))
        for name, estimate in rows
    ]


def _along(value: float | None, top: float) -> float | None:
    return None if value is None else round(FULL * min(max(value / top, 0.0), 1.0), 2)
