"""Choosing what fuses all signals: on families that heads have not seen, never on known ones and never on tests.

One head for every family of fakes that is left out, and the fakes of that family beside genuine selection faces. A rule
that only shines on generators the heads were taught would say nothing about the next one (METHOD, prototypes).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ..calibration import Floats, Fold, Fusion, Scale, Standard
from .statistics import auc

Scores = Mapping[str, Floats]  # signal -> raw scores [n]
MOST = 3  # signals in one rule: more would be chosen by chance on so few collections


@dataclass(frozen=True, eq=False, slots=True)
class LeftOut:
    """A family that the head behind these raw scores never saw.

    select: genuine selection faces, which give the scales and are compared with; fakes: by collection; twins: genuine
    faces of the source that the fakes were made from, compared with in their place (swaps).
    """

    family: str
    select: Scores
    fakes: Mapping[str, Scores]
    twins: Scores | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A formula, and which of its signals are suspicious at their upper end alone; the others are folded."""

    fusion: Fusion
    one_sided: tuple[str, ...] = ()

    def __str__(self) -> str:
        names = [name if name in self.one_sided else f"|{name}|" for name in self.fusion.weights]
        return f"{self.fusion.kind} of {', '.join(names)}"


# The one-class signals together: µFlow, and what `fit_signals.choose` added to it on select-real and smoothed copies of
# it (`resynthesised`), which stand for pictures made as a whole. No generator's picture was seen (docs/accuracy.md).
STRANGE = Rule(Fusion("max", {"muflow": 1.0, "mahalanobis": 1.0, "neighbours": 1.0}))
HEAD_ALONE = Rule(Fusion("sum", {"head": 1.0}), ("head",))
SIGNALS = ("head", "linear", "mahalanobis", "muflow", "neighbours", "tuned_mahalanobis", "tuned_neighbours")


@dataclass(frozen=True, slots=True)
class Result:
    """areas: family -> mean AUC over its collections; mean: over families, all alike."""

    rule: Rule
    areas: dict[str, float]

    @property
    def mean(self) -> float:
        return float(np.mean(list(self.areas.values())))


def choose(folds: Sequence[LeftOut], gain: float = 0.01) -> tuple[Rule, dict[str, float]]:
    """The rule of the best mean area over left-out families, and its areas by family; the head alone unless a longer
    rule gains at least `gain`. Without folds nothing can be said, and the head decides alone."""
    if not folds:
        return HEAD_ALONE, {}
    found = compare(folds, rules(SIGNALS, "head"))
    alone = next(each for each in found if each.rule == HEAD_ALONE)
    best = found[0] if found[0].mean >= alone.mean + gain else alone
    return best.rule, {family: round(area, 4) for family, area in best.areas.items()}


def rules(signals: Sequence[str], always: str) -> list[Rule]:
    """Sums and maxima of `always` with up to two further signals, each read at both ends or at the upper one alone."""
    further = [name for name in signals if name != always]
    named = [(always, *others) for size in range(MOST) for others in combinations(further, size)]
    return [
        Rule(Fusion(kind, dict.fromkeys(names, 1.0)), upper)
        for names in named
        for upper in _subsets(names)
        for kind in (("sum", "max") if len(names) > 1 else ("sum",))
    ]


def compare(folds: Sequence[LeftOut], candidates: Iterable[Rule]) -> list[Result]:
    """Every rule on every fold, best mean first. Raises ValueError without a fold, or for a signal that one lacks."""
    if not folds:
        raise ValueError("a rule is chosen on families that were left out: there is none")
    scales = [{name: (Fold.fit(raw), Standard.fit(raw)) for name, raw in fold.select.items()} for fold in folds]
    found = [
        Result(rule, {fold.family: _area(rule, fold, known) for fold, known in zip(folds, scales, strict=True)})
        for rule in candidates
    ]
    return sorted(found, key=lambda each: -each.mean)


def _area(rule: Rule, fold: LeftOut, scales: Mapping[str, tuple[Fold, Standard]]) -> float:
    chosen: dict[str, Scale] = {name: scales[name][name in rule.one_sided] for name in rule.fusion.weights}

    def fused(scores: Scores) -> Floats:
        return rule.fusion({name: scale(scores[name]) for name, scale in chosen.items()})

    genuine = fused(fold.select if fold.twins is None else fold.twins)
    return float(np.mean([auc(fused(scores), genuine)[0] for scores in fold.fakes.values()]))


def _subsets(names: Sequence[str]) -> list[tuple[str, ...]]:
    return [chosen for size in range(len(names) + 1) for chosen in combinations(names, size)]
