"""From the table of scored faces to figures: collections against genuine faces, and false alarms by genuine source."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from ..calibration import Fold
from ..manifest import Manifest
from . import trivial, uniformity
from .evaluation_table import Judged, column
from .resampling import DRAWS, Judgement, draw, judge, macro
from .statistics import Floats, clopper_pearson

LEVELS = (0.01, 0.05)
GENERATOR = "generator:"  # signals that name one generator: never judged here, as they never reach policy
STEPS = (0.01, 0.05, 0.1, 0.2, 0.5)  # where reliability is read
LEAST = 15  # independent items a collection needs to count in an average (AttGAN: 13 people)
GENERATORS = ("gan", "diffusion")  # families that have generators; swaps, products, edits and unknowns stand apart
DFDC = "dfdc__i-shreyansh"  # its actors recur in what heads learn from, so its false alarms say little about strangers
# Fakes -> genuine faces of the same repository or the same training pictures: the cleanest comparisons there are.
SAME_SOURCE = {
    "stylegan1-ffhq__cdiaconu04": "ffhq256__cdiaconu04",
    "stylegan1-ffhq__zoya2244": "ffhq256__zoya2244",
    "stylegan2-ada_ffhq__agegan": "ffhq__dinablachman",
    "stylegan2_ffhq-config-f__xinyiff": "ffhq__dinablachman",
    "dfdc_faceswap__i-shreyansh": DFDC,
}


@dataclass(frozen=True, slots=True)
class Heads:
    """What the heads of an artefact were trained on: names, and generators and families in the index's words."""

    names: frozenset[str] = frozenset()
    generators: frozenset[str] = frozenset()
    families: frozenset[str] = frozenset()

    @classmethod
    def of(cls, passport: Manifest) -> Heads:
        """As the manifest's entry `heads` says; an artefact without one has no heads."""
        cards = passport.heads.values()
        generators = frozenset(name for card in cards for name in card.generators)
        return cls(frozenset(passport.heads), generators, frozenset(name for card in cards for name in card.families))

    def standing(self, generator: str, family: str) -> str:
        """ "known", "new generator" (of a known family), "unseen family", or "apart" (unknown and edit)."""
        if family in ("unknown", "edit", ""):
            return "apart"
        if generator in self.generators:
            return "known"
        return "new generator" if family in self.families else "unseen family"


@dataclass(frozen=True, eq=False, slots=True)
class Ground:
    """Genuine faces that fakes are held against, every score of them by name."""

    rows: Sequence[Judged]
    scores: dict[str, Floats]


@dataclass(frozen=True, eq=False, slots=True)
class Reading:
    """How scores are read: folds of the raw one-class signals, from the selection faces scored alike."""

    heads: Heads
    folds: dict[str, Fold] = field(default_factory=dict)
    draws: int = DRAWS

    @classmethod
    def of(cls, heads: Heads, select: Sequence[Judged], draws: int = DRAWS) -> Reading:
        """A signal that does not vary over the selection faces has no fold."""
        folds = {}
        for name in select[0].signals if select else ():
            raw = column(select, name)
            if (
                name not in heads.names
                and name != "strange"
                and not name.startswith(GENERATOR)
                and raw.min() < np.median(raw) < raw.max()
            ):
                folds[name] = Fold.fit(raw)
        return cls(heads, folds, draws)

    def scores(self, rows: Sequence[Judged]) -> dict[str, Floats]:
        """ "fused": the scalar that decides; "strange": the one-class part of it, folded; then each signal raw
        (one-sided), and folded where it is a one-class one."""
        names = list(rows[0].signals)
        fused = column(rows, "score")
        result = {"fused": fused, "strange": column(rows, "strange") if "strange" in names else fused}
        for name in names:
            if name == "strange" or name.startswith(GENERATOR):
                continue
            result[name] = column(rows, name)
            if name in self.folds:
                result[f"{name}, folded"] = self.folds[name](result[name])
        return result

    def ground(self, rows: Sequence[Judged]) -> Ground:
        """Genuine faces with their scores."""
        return Ground(rows, self.scores(rows))

    def against(self, fakes: Sequence[Judged], ground: Ground, stream: int) -> dict[str, Judgement]:
        """Every score of some fakes against genuine faces."""
        drawn = draw([row.unit for row in fakes], [row.unit for row in ground.rows], stream, self.draws)
        scores = self.scores(fakes)
        return {name: judge(scores[name], ground.scores[name], drawn) for name in scores if name in ground.scores}


def by_collection(rows: Iterable[Judged]) -> dict[str, list[Judged]]:
    """Rows of each collection, by name."""
    groups: dict[str, list[Judged]] = defaultdict(list)
    for row in rows:
        groups[row.crop.collection].append(row)
    return dict(sorted(groups.items()))


Judgements = dict[str, dict[str, dict[str, Judgement]]]  # collection -> ground -> score


def judgements(fakes: Mapping[str, Sequence[Judged]], grounds: Mapping[str, Ground], reading: Reading) -> Judgements:
    """Every collection against every ground, and against its own source where that is among them."""
    sources = {name: rows for ground in grounds.values() for name, rows in by_collection(ground.rows).items()}
    result: Judgements = {}
    for stream, (name, rows) in enumerate(fakes.items()):
        own = sources.get(SAME_SOURCE.get(name, ""))
        every = {**grounds, **({"same_source": reading.ground(own)} if own else {})}
        result[name] = {kind: reading.against(rows, ground, stream) for kind, ground in every.items()}
    return result


def collection(rows: Sequence[Judged], judged: Mapping[str, Mapping[str, Judgement]], heads: Heads) -> dict[str, Any]:
    """What is said of one collection of fakes, JSON-ready."""
    first, units = rows[0].crop, len({row.unit for row in rows})
    return {
        "generator": first.generator,
        "family": first.family,
        "standing": heads.standing(first.generator, first.family),
        "n": len(rows),
        "independent": units,
        "reached": {f"p<={level}": rate([row.p_value <= level for row in rows], units) for level in LEVELS},
        "against": {kind: {name: one.stated() for name, one in scores.items()} for kind, scores in judged.items()},
    }


def trivially(rows: Sequence[Judged], ground: Sequence[Judged]) -> float | None:
    """Out-of-fold AUC of the trivial statistics against genuine faces, 4 digits."""
    area = trivial.baseline([row.trivial for row in rows], [row.trivial for row in ground])
    return None if area is None else round(area, 4)


def rate(hits: Sequence[bool], units: int | None = None) -> dict[str, Any]:
    """Count, share and Clopper–Pearson 95 % interval.

    units: how many independent items the n faces belong to. The interval is then that of the share among so many, as if
    faces of one item always agreed; where it lies between two counts, each end is that of the count further out.
    """
    count, n = sum(hits), len(hits)
    units = units or n
    low, high = clopper_pearson(count * units // n, units)[0], clopper_pearson(-(-count * units // n), units)[1]
    return {"count": count, "n": n, "rate": round(count / n, 4), "interval": [round(low, 4), round(high, 4)]}


def false_alarms(rows: Sequence[Judged]) -> dict[str, Any]:
    """Shares of genuine faces with p at or below each level."""
    return {"n": len(rows), **{f"p<={level}": rate([row.p_value <= level for row in rows]) for level in LEVELS}}


def genuine_sources(grounds: Mapping[str, Ground], trained: Iterable[str]) -> dict[str, Any]:
    """Per split and collection; "untrained" pools the sources of the unfamiliar split that nothing was trained on.

    DFDC is never pooled: heads know its actors. Intervals take faces as independent, which one person's frames are not.
    """
    document: dict[str, Any] = {
        kind: {name: false_alarms(rows) for name, rows in by_collection(ground.rows).items()}
        for kind, ground in grounds.items()
    }
    unfamiliar = by_collection(list(grounds.values())[-1].rows)
    names = strangers(unfamiliar, trained)
    pooled = [row for name in names for row in unfamiliar[name]]
    document["untrained"] = {"collections": names, **(false_alarms(pooled) if pooled else {"n": 0})}
    document["dfdc"] = false_alarms(unfamiliar[DFDC]) if DFDC in unfamiliar else {"n": 0}
    return document


def strangers(sources: Iterable[str], trained: Iterable[str]) -> list[str]:
    """Those of the sources that nothing was trained on; never DFDC."""
    known = {*trained, DFDC}
    return [name for name in sources if name not in known]


def reliability(rows: Sequence[Judged]) -> dict[str, Any]:
    """Per bucket, the share of genuine faces with p <= 0.01, 0.05, 0.1, 0.2, 0.5: it should be that number."""
    buckets: dict[str, list[Judged]] = defaultdict(list)
    for row in rows:
        buckets[row.bucket].append(row)
    return {
        bucket: {"n": len(found), **{f"p<={step}": rate([row.p_value <= step for row in found]) for step in STEPS}}
        for bucket, found in sorted(buckets.items())
    }


def uniform(calibration: Sequence[Judged], genuine: Sequence[Judged]) -> list[dict[str, Any]]:
    """Fused scores of calibration against test faces in each source that both have: KS, and Holm over sources.

    Both were scored alike, under their native sizes; see `uniformity.Agreement`. Empty where no source is shared.
    """
    sides = [
        {name: column(found, "score") for name, found in by_collection(rows).items()} for rows in (calibration, genuine)
    ]
    if not set(sides[0]) & set(sides[1]):
        return []
    return [asdict(row) for row in uniformity.agreement(*sides)]


def macros(fakes: Mapping[str, Sequence[Judged]], judged: Judgements, heads: Heads) -> dict[str, Any]:
    """Unweighted means over collections of at least 15 items: group -> ground -> score -> AUC with interval.

    "generators": all but swaps and products; "known", "new generator", "unseen family": gan and diffusion by what the
    heads know; "gan", "diffusion".
    """
    groups: dict[str, list[str]] = defaultdict(list)
    for name, rows in fakes.items():
        if len({row.unit for row in rows}) < LEAST:
            continue
        crop = rows[0].crop
        if crop.family not in ("swap", "product"):
            groups["generators"].append(name)
        if crop.family in GENERATORS:
            groups[heads.standing(crop.generator, crop.family)].append(name)
            groups[crop.family].append(name)
    return {group: {"collections": names, **means([judged[name] for name in names])} for group, names in groups.items()}


def means(judged: Sequence[Mapping[str, Mapping[str, Judgement]]]) -> dict[str, Any]:
    """Ground -> score -> macro AUC, over collections that all have it."""
    grounds = [kind for kind in judged[0] if kind != "same_source"] if judged else []
    return {kind: {name: macro([one[kind][name] for one in judged]) for name in judged[0][kind]} for kind in grounds}
