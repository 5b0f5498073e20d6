"""The arithmetic of the statistics page: pure functions on frozen values, each with its n and a 95 % interval.

Rates: Clopper and Pearson, Biometrika 26 (1934). Agreement of two: Cohen, Educ. Psychol. Meas. 20 (1960); of several:
Fleiss, Psychol. Bull. 76 (1971), each item weighing as much as it has pairs of answers. Their intervals, and that of an
estimate from a weighted sample (Horvitz and Thompson, JASA 47, 1952), are percentiles of a bootstrap by item.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ALPHA = 0.05
ROUNDS = 2000
SEED = 20261125
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """`value` and its interval; None where n is too small to say anything. `count`: of a rate, how many of the n."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    count: int | None = None


def rate(count: int, n: int) -> Estimate:
    """A share with its exact interval."""
    if not n:
        return Estimate(None, None, None, 0, 0)
    low, high = clopper_pearson(count, n)
    return Estimate(count / n, low, high, n, count)


def clopper_pearson(count: int, n: int) -> tuple[float, float]:
    """The shares at which `count` or more, and `count` or fewer, of n have a chance of 2.5 %. Raises ValueError."""
    if not 0 <= count <= n or n < 1:
        raise ValueError(f"{count} of {n} is no count")
    low = 0.0 if count == 0 else _bisect(lambda share: 1 - _at_most(count - 1, n, share) > ALPHA / 2)
    high = 1.0 if count == n else _bisect(lambda share: _at_most(count, n, share) <= ALPHA / 2)
    return low, high


def _bisect(reached: Callable[[float], bool]) -> float:
    """The share, 0 to 1, from which on a condition holds."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return (low + high) / 2


def _at_most(count: int, n: int, share: float) -> float:
    """Chance of at most `count` of n, each with this chance; summed in logarithms, so that no term overflows."""
    if share <= 0:
        return 1.0
    if share >= 1:
        return 1.0 if count >= n else 0.0
    terms = _log_chances(n, share)[: count + 1]
    top = float(terms.max())
    return min(1.0, math.exp(top) * float(np.exp(terms - top).sum()))


def _log_chances(n: int, share: float) -> Floats:
    """Logarithms of the chances of 0 … n of n."""
    k = np.arange(n + 1)
    log_choose = np.concatenate([[0.0], np.cumsum(np.log((n - k[:-1]) / (k[:-1] + 1.0)))])
    return np.asarray(log_choose + k * math.log(share) + (n - k) * math.log1p(-share))


def cohen_kappa(pairs: Sequence[tuple[str, str]]) -> Estimate:
    """How much two answers to the same item agree beyond chance: 1 always, 0 as chance would."""
    if not pairs:
        return Estimate(None, None, None, 0)
    words = sorted({word for pair in pairs for word in pair})
    place = {word: index for index, word in enumerate(words)}
    table = np.zeros((len(words), len(words)))
    for first, second in pairs:
        table[place[first], place[second]] += 1
    draws = np.random.default_rng(SEED).multinomial(len(pairs), table.ravel() / table.sum(), ROUNDS)
    resampled = _cohen(draws.reshape(ROUNDS, len(words), len(words)).astype(float))
    return _with_interval(float(_cohen(table[np.newaxis])[0]), resampled, len(pairs))


def _cohen(tables: Floats) -> Floats:
    """Of each table of counts (first answer × second answer); nan where chance alone explains everything."""
    n = tables.sum(axis=(1, 2))
    agreed = np.trace(tables, axis1=1, axis2=2) / n
    by_chance = (tables.sum(axis=1) * tables.sum(axis=2)).sum(axis=1) / n**2
    return _beyond(agreed, by_chance)


def fleiss_kappa(answers: Sequence[Sequence[str]]) -> Estimate:
    """Agreement of any number of people on each item; items with one answer say nothing and are left out."""
    several = [given for given in answers if len(given) > 1]
    if not several:
        return Estimate(None, None, None, 0)
    words = sorted({word for given in several for word in given})
    counts = np.array([[Counter(given)[word] for word in words] for given in several], dtype=float)
    draws = np.random.default_rng(SEED).multinomial(len(several), [1 / len(several)] * len(several), ROUNDS)
    once = np.ones((1, len(several)))
    return _with_interval(float(_fleiss(counts, once)[0]), _fleiss(counts, draws.astype(float)), len(several))


def _fleiss(counts: Floats, weights: Floats) -> Floats:
    """`counts`: (items, words); `weights`: (rounds, items), how often each item is in the draw."""
    raters = counts.sum(axis=1)
    pairs = raters * (raters - 1)
    agreeing = (counts * (counts - 1)).sum(axis=1)
    agreed = (weights @ agreeing) / (weights @ pairs)
    shares = (weights @ counts) / (weights @ raters)[:, np.newaxis]
    return _beyond(agreed, (shares**2).sum(axis=1))


def _beyond(agreed: Floats, by_chance: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(by_chance < 1, (agreed - by_chance) / (1 - by_chance), np.nan))


def _with_interval(value: float, resampled: Floats, n: int) -> Estimate:
    known = resampled[~np.isnan(resampled)]
    if math.isnan(value) or not len(known):
        return Estimate(None, None, None, n)
    low, high = (float(edge) for edge in np.quantile(known, [ALPHA / 2, 1 - ALPHA / 2]))
    # where every draw says the same (all agree), a bootstrap knows nothing of how far off that may be
    return Estimate(value, low, high, n) if low < high else Estimate(value, None, None, n)


def quantile(values: Sequence[float], share: float) -> Estimate:
    """A quantile of what was measured; the interval is between order statistics, whatever the distribution.

    None of an interval's ends where n is too small for it: below 6 for the median, below 72 for the 95th percentile.
    """
    if not values:
        return Estimate(None, None, None, 0)
    ordered, n = np.sort(np.asarray(values, dtype=float)), len(values)
    below = np.cumsum(np.exp(_log_chances(n, share)))[:n]  # chance that at most so many values lie below it
    lower, upper = int((below <= ALPHA / 2).sum()) - 1, int((below < 1 - ALPHA / 2).sum())
    return Estimate(
        float(np.quantile(ordered, share)),
        float(ordered[lower]) if lower >= 0 else None,
        float(ordered[upper]) if upper < n else None,
        n,
    )


def recall(found: Sequence[bool], missed: Sequence[tuple[bool, float]]) -> Estimate:
    """Share of what should have been flagged that was, from a random sample of what was not.

    found: of each flagged and decided item, whether it was synthetic or altered; missed: of each sampled item the same,
    and the share with which it was drawn. Each sampled item stands for 1/share items. n is the size of the sample.
    """
    hits = np.array(found, dtype=float)
    weights = np.array([positive / share for positive, share in missed], dtype=float)
    if not len(weights) or hits.sum() + weights.sum() == 0:
        return Estimate(None, None, None, len(missed))
    random = np.random.default_rng(SEED)
    drawn_hits = random.binomial(len(hits), hits.mean(), ROUNDS) if len(hits) else np.zeros(ROUNDS)
    draws = random.multinomial(len(weights), [1 / len(weights)] * len(weights), ROUNDS)
    total = drawn_hits + draws @ weights
    with np.errstate(invalid="ignore", divide="ignore"):
        resampled = np.where(total > 0, drawn_hits / total, np.nan)
    return _with_interval(float(hits.sum() / (hits.sum() + weights.sum())), resampled, len(missed))


def shares(counts: Mapping[str, int]) -> dict[str, Estimate]:
    """Each count as a rate of their sum."""
    total = sum(counts.values())
    return {name: rate(count, total) for name, count in counts.items()}
