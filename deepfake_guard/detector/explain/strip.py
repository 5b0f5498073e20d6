"""The histogram of genuine calibration scores with a face's place in it, as SVG geometry. Lengths in viewBox units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

WIDTH, HEIGHT, TOP = 340.0, 64.0, 4.0
ROOM_BEYOND = 0.25  # of the histogram's width, at most, for a face beyond every calibration face


@dataclass(frozen=True, slots=True)
class Bar:
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Strip:
    """`at`: where the face stands; `limit`: where the review line does; None where there is none."""

    bars: tuple[Bar, ...]
    at: float | None
    limit: float | None
    n: int


def strip(bucket: Mapping[str, Any], score: float | None, line: float | None) -> Strip:
    """The histogram of the calibration scores with the face's mark and the dashed review line at p = `line`.

    `bucket`: {"n", "edges" [bins + 1], "counts" [bins]}, rising scores = more unusual.
    """
    edges, counts = [float(edge) for edge in bucket["edges"]], [int(count) for count in bucket["counts"]]
    low, high = edges[0], edges[-1]
    room = (high - low) * ROOM_BEYOND
    reach = min(max(high, score if score is not None else high), high + room)
    scale = (WIDTH - 6) / max(reach - low, 1e-9)
    tallest = max(max(counts), 1)

    def x(value: float) -> float:
        return round(3 + (min(max(value, low), reach) - low) * scale, 1)

    bars = tuple(
        Bar(x(left), round(HEIGHT - height, 1), round(max(x(right) - x(left) - 1, 0.5), 1), round(height, 1))
        for (left, right), count in zip(pairwise(edges), counts, strict=True)
        if count and (height := max(1.5, (HEIGHT - TOP) * count / tallest))
    )
    limit = None if line is None or line >= 1 else x(score_at(edges, counts, line))
    return Strip(bars, None if score is None else x(score), limit, int(bucket["n"]))


def score_at(edges: Sequence[float], counts: Sequence[int], p: float) -> float:
    """The score whose p-value is p: the histogram read from its unusual end, linear inside a bin."""
    wanted = max(0.0, p * (sum(counts) + 1) - 1)
    seen = 0.0
    for (left, right), count in zip(reversed(list(pairwise(edges))), reversed(counts), strict=True):
        if count and seen + count >= wanted:
            return right - (right - left) * (wanted - seen) / count
        seen += count
    return edges[0]
