"""The few statistics that an evaluation states, with their 95 % intervals."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def auc(fakes: Floats, genuine: Floats) -> tuple[float, float, float]:
    """P(fake > genuine) + ½ P(equal), with DeLong's 95 % interval cut to 0..1: (auc, low, high)."""
    ordered_genuine, ordered_fakes = np.sort(genuine), np.sort(fakes)
    beaten = _below(ordered_genuine, fakes)
    missed = 1 - _below(ordered_fakes, genuine)
    area = float(beaten.mean())
    variance = sum(float(part.var(ddof=1)) / part.size for part in (beaten, missed) if part.size > 1)
    half = 1.96 * math.sqrt(variance)
    return area, max(0.0, area - half), min(1.0, area + half)


def _below(ordered: Floats, values: Floats) -> Floats:
    """For each value the share of `ordered` below it, ties counting half."""
    left, right = np.searchsorted(ordered, values, "left"), np.searchsorted(ordered, values, "right")
    return np.asarray((left + right) / (2 * ordered.size), dtype=np.float64)


def clopper_pearson(hits: int, n: int, alpha: float = 0.05) -> tuple[float, float]:
    """The exact interval of a rate from `hits` of n: each tail of the binomial holds alpha/2."""
    if not 0 <= hits <= n or n < 1:
        raise ValueError(f"{hits} of {n} is no count")
    low = 0.0 if hits == 0 else _bisect(lambda rate: 1 - _at_most(hits - 1, n, rate) - alpha / 2)
    high = 1.0 if hits == n else _bisect(lambda rate: alpha / 2 - _at_most(hits, n, rate))
    return low, high


def chance_of_counting(level: float, n: int, alpha: float = 0.05) -> tuple[float, float]:
    """Within which the true share of p <= level lies when n faces were counted that are exchangeable with the judged.

    For scores without ties it is Beta(k, n + 1 − k), k = ⌊level (n + 1)⌋, over the draws of those n (Vovk, ACML 2012);
    the middle 1 − alpha of it, which Clopper–Pearson's bounds give: they are quantiles of the same distributions.
    """
    k = math.floor(level * (n + 1) + 1e-9)
    if not k:
        return 0.0, 0.0  # below the least p-value that n can give
    return clopper_pearson(k, n, alpha)[0], clopper_pearson(k - 1, n, alpha)[1]


def _at_most(hits: int, n: int, rate: float) -> float:
    """P(X <= hits) for X ~ Binomial(n, rate), 0 < rate < 1."""
    log_n = math.lgamma(n + 1)
    terms = (
        log_n - math.lgamma(k + 1) - math.lgamma(n - k + 1) + k * math.log(rate) + (n - k) * math.log1p(-rate)
        for k in range(hits + 1)
    )
    return min(1.0, math.fsum(math.exp(term) for term in terms))


def _bisect(rising: Callable[[float], float]) -> float:
    """Where a rising function of 0..1 crosses zero."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if rising(middle) > 0 else (middle, high)
    return (low + high) / 2
