"""What recalibrating on a host's own photos does to false alarms, from scores computed once; numpy alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .statistics import Floats, clopper_pearson

LEVELS = (0.05, 0.01)


@dataclass(frozen=True, slots=True)
class Rate:
    """`alarms` of n genuine faces have p <= level; interval: Clopper-Pearson, 95 %."""

    level: float
    alarms: int
    n: int

    @property
    def rate(self) -> float:
        return self.alarms / self.n

    @property
    def interval(self) -> tuple[float, float]:
        return clopper_pearson(self.alarms, self.n)


@dataclass(frozen=True, slots=True)
class Judged:
    """False alarms on own faces at each of LEVELS, by the shipped artefact and by the new one. held_out: these faces
    did nothing else; otherwise nobody was left to judge and `after` is empty: at most the level, as it was counted."""

    held_out: bool
    before: tuple[Rate, ...]
    after: tuple[Rate, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Draws:
    """False-alarm rates [draws] of faces judged by the p-values of others of their source."""

    level: float
    calibrating: int
    judged: int
    rates: Floats

    @property
    def mean(self) -> float:
        return float(self.rates.mean())

    @property
    def spread(self) -> float:
        """Standard deviation over the draws; they share faces, so it is no standard error of the mean."""
        return float(self.rates.std(ddof=1))

    @property
    def middle(self) -> tuple[float, float]:
        """Between these lie 90 % of the draws."""
        low, high = np.quantile(self.rates, (0.05, 0.95))
        return float(low), float(high)


def p_values(calibrating: ArrayLike, judged: ArrayLike) -> Floats:
    """(1 + number of calibrating fused scalars [n] >= each judged one [m]) / (n + 1), float64 [m] (DESIGN §7.5)."""
    ordered = np.sort(_finite(calibrating))
    reached = ordered.size - np.searchsorted(ordered, _finite(judged), side="left")
    return np.asarray((1 + reached) / (ordered.size + 1), dtype=np.float64)


def alarms(p: Floats, level: float) -> Rate:
    return Rate(level, int((p <= level).sum()), p.size)


def lfw_draws(
    fused: ArrayLike, *, calibrating: int = 200, draws: int = 50, level: float = 0.05, seed: int = 0
) -> Draws:
    """Each draw lets `calibrating` faces of one source recalibrate and judges the rest; the fused scalars [n] are those
    of the shipped artefact, whose fold stays. Raises ValueError when nobody is left to judge."""
    scores = _finite(fused)
    if not 0 < calibrating < scores.size:
        raise ValueError(f"{calibrating} of {scores.size} faces cannot calibrate and leave some to judge")
    rates = np.empty(draws)
    for draw in range(draws):
        order = np.random.default_rng((seed, draw)).permutation(scores.size)
        p = p_values(scores[order[:calibrating]], scores[order[calibrating:]])
        rates[draw] = (p <= level).mean()
    return Draws(level, calibrating, scores.size - calibrating, rates)


def before_after(
    shipped: ArrayLike, fused: ArrayLike, *, calibrating: int = 600, level: float = 0.05, seed: int = 0
) -> tuple[Rate, Rate]:
    """The same judged faces by the shipped artefact's calibration scores [k] and by `calibrating` of their own source.

    fused: fused scalars [n] of one source. For LFW: 600 calibrate, the other 900 are judged. Raises ValueError.
    """
    scores = _finite(fused)
    if not 0 < calibrating < scores.size:
        raise ValueError(f"{calibrating} of {scores.size} faces cannot calibrate and leave some to judge")
    order = np.random.default_rng(seed).permutation(scores.size)
    own, judged = scores[order[:calibrating]], scores[order[calibrating:]]
    return alarms(p_values(shipped, judged), level), alarms(p_values(own, judged), level)


def _finite(values: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not array.size or not np.isfinite(array).all():
        raise ValueError("scores must be a non-empty list of finite numbers")
    return array
