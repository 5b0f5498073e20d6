"""How raw scores become comparable: one-class signals are folded, heads are standardised (design.md §7.3 and 7.4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Fold:
    """fold(s) = (s - centre) / above for s >= centre, else (centre - s) / below; never negative.

    Two-sided: a face can be too strange and also too typical, so each tail is measured by its own scale.
    """

    centre: float
    above: float
    below: float

    @classmethod
    def fit(cls, selection: ArrayLike) -> Fold:
        """From raw scores of selection faces [n]: their median and the mean absolute deviation of either side.

        Raises ValueError when a side has no spread: such a detector tells nothing.
        """
        raw = finite(selection)
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
class Standard:
    """(s - mean) / deviation: one-sided, for the logit of a head, where only high is suspicious."""

    mean: float
    deviation: float

    @classmethod
    def fit(cls, selection: ArrayLike) -> Standard:
        """From raw scores of selection faces [n]; raises ValueError when they have no spread."""
        raw = finite(selection)
        deviation = float(raw.std())
        if deviation <= 0:
            raise ValueError(f"the {raw.size} selection scores have no spread around {raw[0]}")
        return cls(float(raw.mean()), deviation)

    def __call__(self, raw: ArrayLike) -> Floats:
        """Standardise raw scores of any shape; the result has the same shape."""
        return (np.asarray(raw, dtype=np.float64) - self.mean) / self.deviation


Scale = Fold | Standard


@dataclass(frozen=True, slots=True)
class Fusion:
    """The fixed formula of the fused scalar: a weighted "sum" of the scaled signals, or the "max" of the weighted ones.

    weights: signal -> weight > 0; a signal without a weight has no part. Raises ValueError for anything else.
    """

    kind: str
    weights: Mapping[str, float]

    def __post_init__(self) -> None:
        if self.kind not in ("sum", "max"):
            raise ValueError(f"unknown fusion {self.kind!r}: sum or max")
        if not self.weights or not all(np.isfinite(weight) and weight > 0 for weight in self.weights.values()):
            raise ValueError(f"a fusion needs weights above 0, got {dict(self.weights)}")

    def __call__(self, scaled: Mapping[str, Floats]) -> Floats:
        """Scaled signals [n] each -> the fused scalar [n]. Added in the order of names: the sum of floats has one."""
        parts = [self.weights[name] * scaled[name] for name in sorted(self.weights)]
        return np.asarray(np.sum(parts, axis=0) if self.kind == "sum" else np.max(parts, axis=0), dtype=np.float64)


ALONE = Fusion("sum", {"muflow": 1.0})


def finite(values: ArrayLike) -> Floats:
    """Scores as float64 [n], n >= 1; raises ValueError for others."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not array.size or not np.all(np.isfinite(array)):
        raise ValueError("scores must be a non-empty list of finite numbers")
    return array
