"""Choosing what fuses all signals: on families that heads have not seen, never on known ones alone and never on tests.

One head for every family of fakes that is left out, and the fakes of that family beside genuine selection faces. A rule
that only shines on generators the heads were taught would say nothing about the next one (method.md, "What prototypes
showed"). But it must not spoil what the heads know, nor accuse genuine photographs of sources that nothing was trained
on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from ..calibration import Floats, Fold, Fusion, Scale, Standard
from .statistics import auc

Scores = Mapping[str, Floats]  # signal -> raw scores [n]
MOST = 3  # signals in one rule: more would be chosen by chance on so few collections
GAIN = 0.03  # mean area over left-out families that a rule must add to the head alone: its standard error is 0.02
COST = 0.01  # mean area over what the head knows that it may cost
ALARMS = 0.10  # share of a strange genuine source that may lie above 95 % of the selection faces


@dataclass(frozen=True, eq=False, slots=True)
class Family:
    """Fakes of one family as one head scored them, by collection, and genuine faces beside them.

    select: genuine selection faces, which give the scales and are compared with; twins: genuine faces of the source
    that the fakes were made from, compared with in their place (swaps).
    """

    family: str
    select: Scores
    fakes: Mapping[str, Scores]
    twins: Scores | None = None


@dataclass(frozen=True, eq=False, slots=True)
class Kept:
    """What a rule must not spoil, scored by the very ensemble that it is to fuse.

    known: the families that its head was taught. small: selection faces brought to the size of the strangers, genuine
    faces by source that nothing was trained on.
    """

    known: Sequence[Family]
    small: Scores = field(default_factory=dict)
    strangers: Mapping[str, Scores] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rule:
    """A formula, and which of its signals are suspicious at their upper end alone; the others are folded."""

    fusion: Fusion
    one_sided: tuple[str, ...] = ()

    @property
    def folded(self) -> tuple[str, ...]:
        """Those of its signals that are suspicious at both ends."""
        return tuple(name for name in self.fusion.weights if name not in self.one_sided)

    def scaled_on(self, select: Scores) -> Callable[[Scores], Floats]:
        """Raw scores -> the fused scalar, with scales from raw scores of selection faces."""
        scales: dict[str, Scale] = {
            name: (Fold if name in self.folded else Standard).fit(select[name]) for name in self.fusion.weights
        }
        return lambda scores: self.fusion({name: scale(scores[name]) for name, scale in scales.items()})

    def __str__(self) -> str:
        parts = [
            f"{'' if weight == 1 else f'{weight:g} '}{f'|{name}|' if name in self.folded else name}"
            for name, weight in self.fusion.weights.items()
        ]
        return f"{self.fusion.kind} of {', '.join(parts)}"


# The one-class signals together: µFlow, and what `fit_signals.choose` added to it on select-real and smoothed copies of
# it (`resynthesised`), which stand for pictures made as a whole. No generator's picture was seen (docs/accuracy.md).
STRANGE = Rule(Fusion("max", {"muflow": 1.0, "mahalanobis": 1.0, "neighbours": 1.0}))
# The same choice where there is a network that has learnt such copies: the others add nothing to it.
STRANGE_BY_ALTERATION = Rule(Fusion("max", {"muflow": 1.0, "alteration": 1.0}))
HEAD_ALONE = Rule(Fusion("sum", {"head": 1.0}), ("head",))
HEADS = ("head", "linear")  # may be read at their upper end alone; one-class signals are folded (design.md §7.4)
SIGNALS = (*HEADS, "mahalanobis", "muflow", "neighbours", "alteration")
FORMULAS = (("sum", 1.0), ("sum", 0.5), ("sum", 0.25), ("max", 1.0))  # and what a signal beside the head weighs in it


@dataclass(frozen=True, slots=True)
class Result:
    """areas: family -> mean AUC over its collections; mean: over families, all alike."""

    rule: Rule
    areas: dict[str, float]

    @property
    def mean(self) -> float:
        return float(np.mean(list(self.areas.values())))


def choose(folds: Sequence[Family], kept: Kept) -> tuple[Rule, dict[str, float]]:
    """The rule of the best mean area over left-out families that keeps what must be kept, and its areas by family; the
    head alone unless it gains `GAIN`. Without folds nothing can be said, and the head decides alone."""
    if not folds:
        return HEAD_ALONE, {}
    found = compare(folds, rules([name for name in SIGNALS if name in folds[0].select], "head"))
    alone = next(each for each in found if each.rule == HEAD_ALONE)
    worth = (each for each in found if each.mean >= alone.mean + GAIN and keeps(each.rule, kept))
    best = next(worth, alone)
    return best.rule, {family: round(area, 4) for family, area in best.areas.items()}


def keeps(rule: Rule, kept: Kept) -> bool:
    """Whether a rule costs less than `COST` on what the head knows, and alarms about at most `ALARMS` of any source."""
    if kept.known:
        alone, this = (compare(kept.known, [each])[0].mean for each in (HEAD_ALONE, rule))
        if this < alone - COST:
            return False
    return all(share <= ALARMS for share in alarms(rule, kept).values())


def alarms(rule: Rule, kept: Kept) -> dict[str, float]:
    """Source -> share of its genuine faces above 95 % of the selection faces of their size."""
    if not kept.strangers:
        return {}
    fused = rule.scaled_on(kept.small)
    line = float(np.quantile(fused(kept.small), 0.95))
    return {source: float(np.mean(fused(scores) > line)) for source, scores in kept.strangers.items()}


def rules(signals: Sequence[str], always: str) -> list[Rule]:
    """`FORMULAS` of `always` with up to two further signals; heads at both ends or at the upper one alone."""
    further = [name for name in signals if name != always]
    return [
        Rule(Fusion(kind, {always: 1.0, **dict.fromkeys(others, weight)}), upper)
        for size in range(MOST)
        for others in combinations(further, size)
        for upper in _subsets([name for name in (always, *others) if name in HEADS])
        for kind, weight in (FORMULAS if others else FORMULAS[:1])
    ]


def compare(families: Sequence[Family], candidates: Iterable[Rule]) -> list[Result]:
    """Every rule on every family, best mean first. Raises ValueError without a family."""
    if not families:
        raise ValueError("a rule is chosen on families that were left out: there is none")
    found = [Result(rule, {each.family: _area(rule, each) for each in families}) for rule in candidates]
    return sorted(found, key=lambda each: -each.mean)


def _area(rule: Rule, family: Family) -> float:
    fused = rule.scaled_on(family.select)
    genuine = fused(family.select if family.twins is None else family.twins)
    return float(np.mean([auc(fused(scores), genuine)[0] for scores in family.fakes.values()]))


def _subsets(names: Sequence[str]) -> list[tuple[str, ...]]:
    return [chosen for size in range(len(names) + 1) for chosen in combinations(names, size)]
