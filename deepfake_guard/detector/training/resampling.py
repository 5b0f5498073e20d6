"""How well a score tells two groups of faces apart, with bootstrap intervals over what is independent.

A face is not always an independent observation: a genuine frame and its swap come as a pair, one person carries
fourteen edits. So *units* are drawn with replacement, not faces, and the two halves of a pair are drawn together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .statistics import Floats

DRAWS = 1000
FALSE_ALARMS = (0.01, 0.05)


@dataclass(frozen=True, eq=False, slots=True)
class Draws:
    """How often each face is drawn: fakes [b + 1, f], genuine [b + 1, g]; row 0 is all ones, the sample itself."""

    fakes: Floats
    genuine: Floats


def draw(fakes: Sequence[str], genuine: Sequence[str], stream: int = 0, draws: int = DRAWS, seed: int = 0) -> Draws:
    """Bootstrap over the units that faces belong to, seeded; faces of one unit are drawn together.

    Units among both fakes and genuine are drawn once for both. `stream` numbers the group of fakes: other numbers draw
    other fakes beside the *same* genuine faces, so that an average over groups can be resampled as one.
    """
    units, at = np.unique(np.asarray(genuine), return_inverse=True)
    counts = _counts(len(units), draws, np.random.default_rng((seed, 0)))
    others, other_at = np.unique(np.asarray(fakes), return_inverse=True)
    drawn = _counts(len(others), draws, np.random.default_rng((seed, 1 + stream)))
    shared = np.isin(others, units)
    drawn[:, shared] = counts[:, np.searchsorted(units, others[shared])]
    return Draws(drawn[:, other_at], counts[:, at])


def _counts(units: int, draws: int, rng: np.random.Generator) -> Floats:
    drawn = rng.multinomial(units, np.full(units, 1 / units), size=draws)
    return np.concatenate([np.ones((1, units)), drawn])


@dataclass(frozen=True, eq=False, slots=True)
class Judgement:
    """One score on one group of fakes against genuine faces: each [b + 1], the sample's own value first."""

    auc: Floats
    ap: Floats
    caught: dict[float, Floats]  # false-alarm rate -> share of fakes above the threshold that keeps to it

    def stated(self) -> dict[str, Any]:
        """JSON-ready: values and 95 % percentile intervals."""
        entry: dict[str, Any] = {**_stated("auc", self.auc), **_stated("ap", self.ap)}
        for level, share in self.caught.items():
            entry |= _stated(f"tpr_at_{level:g}", share)
        return entry


def judge(fakes: Floats, genuine: Floats, drawn: Draws) -> Judgement:
    """Scores of fakes [f] and genuine faces [g], higher = more suspicious, under every draw.

    auc: P(fake > genuine) + ½ P(equal). ap: average precision at the groups' own sizes. caught: share of fakes above
    the lowest threshold that at most 1 % or 5 % of these genuine faces exceed.
    """
    fake_order, genuine_order = np.argsort(fakes, kind="stable"), np.argsort(genuine, kind="stable")
    fakes, genuine = fakes[fake_order], genuine[genuine_order]
    fake_weight = drawn.fakes[:, fake_order]
    fake_below, genuine_below = _cumulative(fake_weight), _cumulative(drawn.genuine[:, genuine_order])
    all_fakes, all_genuine = fake_below[:, -1], genuine_below[:, -1]
    left, right = np.searchsorted(genuine, fakes, "left"), np.searchsorted(genuine, fakes, "right")
    beaten = (genuine_below[:, left] + genuine_below[:, right]) / 2
    fakes_from = all_fakes[:, None] - fake_below[:, np.searchsorted(fakes, fakes, "left")]
    genuine_from = all_genuine[:, None] - genuine_below[:, left]
    precision = fakes_from / np.maximum(fakes_from + genuine_from, 1e-12)
    every = np.maximum(all_fakes, 1e-12)
    thresholds = np.unique(genuine)
    above = all_genuine[:, None] - genuine_below[:, np.searchsorted(genuine, thresholds, "right")]
    behind = np.searchsorted(fakes, thresholds, "right")
    caught = {}
    for level in FALSE_ALARMS:
        lowest = np.argmax(above <= level * all_genuine[:, None] + 1e-9, axis=1)
        caught[level] = 1 - fake_below[np.arange(len(every)), behind[lowest]] / every
    auc = (fake_weight * beaten).sum(1) / (every * np.maximum(all_genuine, 1e-12))
    return Judgement(auc, (fake_weight * precision).sum(1) / every, caught)


def _cumulative(weights: Floats) -> Floats:
    """[b, n] -> [b, n + 1]: the weight below each place."""
    return np.concatenate([np.zeros((len(weights), 1)), np.cumsum(weights, axis=1)], axis=1)


def _stated(name: str, values: Floats) -> dict[str, Any]:
    return {name: round(float(values[0]), 4), f"{name}_interval": interval(values)}


def interval(values: Floats) -> list[float]:
    """The middle 95 % of the draws (all but the first value), cut to 4 digits."""
    drawn = values[1:] if len(values) > 1 else values
    return [round(float(edge), 4) for edge in np.quantile(drawn, (0.025, 0.975))]


def macro(judgements: Sequence[Judgement]) -> dict[str, Any] | None:
    """The unweighted mean of AUCs over groups judged with `draw`s of one seed, with its interval; None for none."""
    if not judgements:
        return None
    mean: NDArray[np.float64] = np.mean([judgement.auc for judgement in judgements], axis=0)
    return {**_stated("auc", mean), "collections": len(judgements)}
