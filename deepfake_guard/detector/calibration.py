"""From a score to a p-value, by counting genuine faces (split conformal).

Two disjoint genuine sets are used here. The *selection* faces give the fold: a face can be too strange and also too
typical, so each tail is measured by its own scale. The *calibration* faces are then scored by the finished detector
and only counted. numpy alone, no torch: the histogram is drawn where torch is not installed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .manifest import ArtefactError

SCHEMA = 1
ROOT = "any"

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Fold:
    """fold(s) = (s - centre) / above for s >= centre, else (centre - s) / below; never negative."""

    centre: float
    above: float
    below: float

    @classmethod
    def fit(cls, selection: ArrayLike) -> Fold:
        """From raw scores of selection faces [n]: their median and the mean absolute deviation of either side.

        Raises ValueError when a side has no spread: such a detector tells nothing.
        """
        raw = _finite(selection)
        centre = float(np.median(raw))
        above, below = raw[raw > centre] - centre, centre - raw[raw < centre]
        if not above.size or not below.size:
            raise ValueError(f"the {raw.size} selection scores have no spread around {centre}")
        return cls(centre, float(above.mean()), float(below.mean()))

    def __call__(self, raw: ArrayLike) -> Floats:
        """Fold raw scores of any shape; the result has the same shape and is >= 0."""
        distance = np.asarray(raw, dtype=np.float64) - self.centre
        return np.where(distance >= 0, distance / self.above, -distance / self.below)


@dataclass(frozen=True, slots=True)
class HeatRange:
    """Standardised strangeness of a place: at `calm` the heat map starts, at `hot` it is full (`calm` < `hot`)."""

    calm: float
    hot: float


@dataclass(frozen=True, eq=False, slots=True)
class Calibration:
    """The root bucket: the fold, and the folded scores of the n calibration faces, ascending float64 [n]."""

    folding: Fold
    scores: Floats
    heat: HeatRange
    bucket: str = ROOT

    @classmethod
    def fit(cls, selection: ArrayLike, calibration: ArrayLike, heat: HeatRange) -> Calibration:
        """From the raw scores [m] of the selection faces and [n] of the calibration faces."""
        folding = Fold.fit(selection)
        return cls(folding, np.sort(folding(_finite(calibration))), heat)

    @property
    def n(self) -> int:
        """Number of independent calibration faces."""
        return int(self.scores.size)

    def fold(self, raw: ArrayLike) -> Floats:
        """The fused scalar of raw µFlow scores, same shape; higher = more suspicious."""
        return self.folding(raw)

    def p_value(self, score: float) -> tuple[float, int, int, str]:
        """(p, n, reached, bucket) of one folded score.

        reached = calibration faces with a score >= this one; p = (1 + reached) / (n + 1), so 1/(n + 1) is its floor.
        Raises ValueError for a score that is not a finite number: it must never count as calm.
        """
        if not np.isfinite(score):
            raise ValueError(f"a score must be a finite number, got {score}")
        reached = self.n - int(np.searchsorted(self.scores, score, side="left"))
        return (1 + reached) / (self.n + 1), self.n, reached, self.bucket

    def histogram(self, bins: int = 40) -> tuple[list[float], list[int]]:
        """(edges [bins + 1], counts [bins]) of the folded calibration scores, from 0 to the greatest."""
        counts, edges = np.histogram(self.scores, bins=bins, range=(0.0, max(float(self.scores[-1]), 1e-9)))
        return [float(edge) for edge in edges], [int(count) for count in counts]

    def write(self, path: Path) -> None:
        """Write as JSON; reading it back gives the same numbers bit for bit."""
        fold = {"centre": self.folding.centre, "above": self.folding.above, "below": self.folding.below}
        bucket = {"n": self.n, "fold": fold, "scores": [float(score) for score in self.scores]}
        heat = {"calm": self.heat.calm, "hot": self.heat.hot}
        document = {"schema": SCHEMA, "heat": heat, "buckets": {self.bucket: bucket}}
        path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Calibration:
        """Read what `write` wrote; raises ArtefactError when anything in it cannot be right."""
        try:
            document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            if document["schema"] != SCHEMA:
                raise ArtefactError(f"{path} has schema {document['schema']}; this version reads schema {SCHEMA}")
            bucket = document["buckets"][ROOT]
            scores = _finite(bucket["scores"])
            folding, heat = Fold(**bucket["fold"]), HeatRange(**document["heat"])
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise ArtefactError(f"{path} is no calibration: {error}") from error
        if bucket["n"] != scores.size or np.any(np.diff(scores) < 0) or min(folding.above, folding.below) <= 0:
            raise ArtefactError(f"{path} contradicts itself (count, order or scale of its scores)")
        return cls(folding, scores, heat)


def _finite(values: ArrayLike) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not array.size or not np.all(np.isfinite(array)):
        raise ValueError("scores must be a non-empty list of finite numbers")
    return array
