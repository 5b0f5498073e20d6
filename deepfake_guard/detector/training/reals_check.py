"""What recalibrating on a host's own photos does to false alarms, from scores computed once; numpy alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .statistics import Floats, clopper_pearson

LEVELS = (0.05, 0.01)

Indices = NDArray[np.int64]


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

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.alarms} of {self.n} = {self.rate:.3f} ({low:.3f}–{high:.3f})"


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
    """(1 + number of calibrating fused scalars [n] >= each judged one [m]) / (n + 1), float64 [m] (design.md §7.5)."""
    ordered = np.sort(_finite(calibrating))
    reached = ordered.size - np.searchsorted(ordered, _finite(judged), side="left")
    return np.asarray((1 + reached) / (ordered.size + 1), dtype=np.float64)


def alarms(p: Floats, level: float) -> Rate:
    return Rate(level, int((p <= level).sum()), p.size)


def drawn(n: int, calibrating: int, draws: int, seed: int) -> Iterator[tuple[Indices, Indices]]:
    """Of n faces those that calibrate and those that are judged, draw by draw, each draw seeded by itself.

    Raises ValueError when nobody calibrates or nobody is left to judge.
    """
    if not 0 < calibrating < n:
        raise ValueError(f"{calibrating} of {n} faces cannot calibrate and leave some to judge")
    for draw in range(draws):
        order = np.random.default_rng((seed, draw)).permutation(n)
        yield order[:calibrating], order[calibrating:]


def as_they_came(
    fused: ArrayLike, *, calibrating: int = 200, draws: int = 50, level: float = 0.05, seed: int = 0
) -> Draws:
    """Each draw lets `calibrating` faces of one source calibrate and judges the rest; the fused scalars [n] are those
    of the shipped artefact, whose fold stays, on photos as they came. Raises ValueError as `drawn` does."""
    scores = _finite(fused)
    pairs = drawn(scores.size, calibrating, draws, seed)
    rates = [float((p_values(scores[own], scores[judged]) <= level).mean()) for own, judged in pairs]
    return Draws(level, calibrating, scores.size - calibrating, np.asarray(rates))


def _finite(values: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not array.size or not np.isfinite(array).all():
        raise ValueError("scores must be a non-empty list of finite numbers")
    return array
