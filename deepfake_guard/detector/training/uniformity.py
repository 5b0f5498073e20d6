"""Are p-values of genuine test faces uniform? Calibration against test scores, source by source (design.md §7.10)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Agreement:
    """One source. distance: the greatest difference D of the two distribution functions (Kolmogorov–Smirnov);
    detectable: the D from which a test at 5 % on this source alone would notice; p_value, and Holm's over all sources.
    """

    source: str
    calibration_n: int
    test_n: int
    distance: float
    detectable: float
    p_value: float
    holm: float


def agreement(calibration: Mapping[str, Floats], test: Mapping[str, Floats]) -> list[Agreement]:
    """Fused scores by source, made alike, [n] and [m] -> one row for each source that both have, by name.

    Raises ValueError when they share no source, or a score is not finite.
    """
    from scipy.stats import ks_2samp  # type: ignore[import-untyped]  # here: half a second, and only reports need it

    shared = sorted(set(calibration) & set(test))
    if not shared:
        raise ValueError(f"no source in common: {sorted(calibration)} and {sorted(test)}")
    for name in shared:
        if not (np.isfinite(calibration[name]).all() and np.isfinite(test[name]).all()):
            raise ValueError(f"scores of {name} must be finite numbers")
    found = [ks_2samp(calibration[name], test[name], method="auto") for name in shared]
    adjusted = holm([float(each.pvalue) for each in found])
    return [
        Agreement(
            name, calibration[name].size, test[name].size, float(each.statistic),
            detectable(calibration[name].size, test[name].size), float(each.pvalue), whole,
        )
        for name, each, whole in zip(shared, found, adjusted, strict=True)
    ]  # fmt: skip


def detectable(n: int, m: int, alpha: float = 0.05) -> float:
    """The D that a two-sample test of n and m rejects from on: √(−ln(α/2)/2 · (n + m)/(n · m)) (Smirnov 1948)."""
    return float(np.sqrt(-np.log(alpha / 2) / 2 * (n + m) / (n * m)))


def from_uniform(p_values: Floats, n: int) -> float:
    """D of p-values [m] that n counted faces gave: the greatest difference, over the values k/(n + 1) that p can have,
    between the share of p at or below and that value itself."""
    values = np.arange(1, n + 2) / (n + 1)
    shares = np.searchsorted(np.sort(p_values), values, side="right") / p_values.size
    return float(np.abs(shares - values).max())


def holm(p_values: list[float]) -> list[float]:
    """p-values adjusted for their number by Holm's step-down rule (Scand. J. Stat. 6, 1979), in the given order."""
    adjusted, least = [0.0] * len(p_values), 0.0
    for rank, at in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[at]))
        adjusted[at] = least
    return adjusted
