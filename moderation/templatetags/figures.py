"""Where a p-value sits on the axis that all rows share, as SVG geometry. Pure functions; lengths in viewBox units."""

from __future__ import annotations

import math
from dataclasses import dataclass

TRACK_START, TRACK_WIDTH, DECADES = 2.0, 104.0, 3  # one log axis for every row: 1 to 1 in 1,000
TRACK_FULL = 112.0


@dataclass(frozen=True, slots=True)
class Track:
    at: float
    zone: float
    zone_width: float
    end: float
    end_width: float


def track(p: float, n: int, line: float) -> Track:
    """The mark of p, the tinted zone from the review line on, and the grey end beyond what n can tell."""
    end = _along(1 / (n + 1))
    zone = min(_along(line), end)
    return Track(
        at=round(_along(p) - 2, 1),
        zone=round(zone, 1),
        zone_width=round(end - zone, 1),
        end=round(end, 1),
        end_width=round(TRACK_FULL - end, 1),
    )


def _along(p: float) -> float:
    depth = min(DECADES, max(0.0, -math.log10(max(p, 1e-9))))
    return TRACK_START + TRACK_WIDTH / DECADES * depth
