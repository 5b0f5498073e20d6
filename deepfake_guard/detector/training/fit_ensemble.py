"""From µFlow and a run of `tune` to all that an artefact scores with, and to the scores that a fusion is chosen on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from ..ensemble import GENERATOR, HEAD, LINEAR, MUFLOW, Ensemble
from ..heads import tuned
from ..heads.linear import GENUINE, LinearHead
from ..heads.tuned import TunedBackbone
from ..manifest import HeadCard
from ..signals.base import Scores, Seen, Signal
from ..signals.mahalanobis import Mahalanobis
from ..signals.muflow import MuFlow
from ..signals.neighbours import Neighbours
from ..signals.part import Part
from . import crops as listing
from .crops import Crop
from .fit_fusion import LeftOut
from .fit_gaussian import batches
from .lessons import HEAD_FAKES, HEAD_GENUINE, SWAP
from .tune_batches import RESYNTHESISED, SELF_BLEND


@dataclass(frozen=True, eq=False, slots=True)
class Looked:
    """A split once µFlow has looked at it, for every head that is to stand beside it: its rows, what the frozen
    backbone saw of them, and µFlow's raw scores float64 [n]."""

    rows: Sequence[Crop]
    seen: Seen
    totals: Scores

    def take(self, wanted: Sequence[bool]) -> Looked:
        """Some of the faces, in their order: those of which `wanted` [n] is true."""
        at = np.flatnonzero(np.asarray(wanted, dtype=bool))
        return Looked(
            [self.rows[int(index)] for index in at], Seen(self.seen.crops[at], self.seen.frozen[at]), self.totals[at]
        )


def look(muflow: MuFlow, data: Path, rows: Sequence[Crop]) -> Looked:
    """Read and look at crops on disk."""
    crops = listing.load(data, rows)
    frozen, totals = [], []
    for batch in batches(crops):
        with torch.inference_mode():
            stages = muflow.features(batch)
        frozen.append(muflow.pooled(stages))
        totals.append(muflow.score_features(stages, crops.shape[1:3]).total)
    return Looked(rows, Seen(crops, np.concatenate(frozen)), np.concatenate(totals))


@dataclass(frozen=True, eq=False, slots=True)
class Taught:
    """All that an ensemble is fitted on and its fusion is chosen on. genuine: head-real, where swaps come from."""

    train: Looked
    select: Looked
    fakes: Looked
    genuine: Looked

    @classmethod
    def read(cls, muflow: MuFlow, data: Path, train: Sequence[Crop], select: Sequence[Crop]) -> Taught:
        """head-fake and head-real, and these genuine faces."""
        others = [listing.index(data, split) for split in (HEAD_FAKES, HEAD_GENUINE)]
        return cls(*(look(muflow, data, rows) for rows in (train, select, *others)))


def fit_signals_of(muflow: MuFlow, head: TunedBackbone | None, train: Looked) -> Ensemble:
    """One-class signals fitted on n > 5 genuine training faces; on tuned features, too, where there are any.

    Which ones, and on which features: what `fit_signals.choose` kept (docs/accuracy.md, "One-class signals").
    `Sensitivity` looks several times at every face and did not pay, nor did `Residual`.
    """
    networks = Ensemble(muflow, (), head)
    features, _ = networks.tuned(train.seen.crops)
    seen = Seen(train.seen.crops, train.seen.frozen, features)
    deepest = Part.stages("frozen", [shape[0] for shape in muflow.shapes], 2, 2)
    signals: list[Signal] = [Mahalanobis.fit(seen, deepest), Neighbours.fit(seen, deepest, metric="euclidean")]
    if head is not None:
        signals.append(Mahalanobis.fit(seen, Part.stages("tuned", tuned.CHANNELS)))
        signals.append(Neighbours.fit(seen, Part.stages("tuned", tuned.CHANNELS, 0, 1)))
    return Ensemble(muflow, tuple(signals), head)


def fit_ensemble(muflow: MuFlow, head: TunedBackbone, taught: Taught) -> Ensemble:
    """Signals, the tuned head, and a linear head that knows the same generators."""
    return replace(fit_signals_of(muflow, head, taught.train), linear=_linear(head, taught))


def _linear(head: TunedBackbone, taught: Taught) -> LinearHead:
    """Ridge-logistic on the frozen backbone's features: the genuine faces and the fakes that `head` was taught with."""
    fakes = taught.fakes.take([row.generator in head.classes for row in taught.fakes.rows])
    parts = [taught.train, fakes]
    if any(row.family == SWAP for row in fakes.rows):
        parts.append(taught.genuine)  # as the lessons of `tune`
    rows = [row for part in parts for row in part.rows]
    names = [GENUINE if row.label == "real" else row.generator for row in rows]
    features = np.concatenate([part.seen.frozen for part in parts])
    return LinearHead.fit(features, names, sources=[row.collection for row in rows])


def left_out(muflow: MuFlow, head: TunedBackbone, taught: Taught, family: str) -> LeftOut:
    """Raw scores of the fakes of `family`, which `head` never saw, and of genuine faces beside them.

    Raises ValueError for a head that knows one of their generators.
    """
    fakes = taught.fakes.take([row.family == family for row in taught.fakes.rows])
    if known := set(head.classes) & {row.generator for row in fakes.rows}:
        raise ValueError(f"this head has seen {', '.join(sorted(known))}: {family} is not left out")
    ensemble = fit_ensemble(muflow, head, taught)
    by_collection = {}
    for name in sorted({row.collection for row in fakes.rows}):
        own = [row.collection == name for row in fakes.rows]
        by_collection[name] = raw(ensemble, fakes.take(own))
    twins = raw(ensemble, taught.genuine) if family == SWAP else None
    return LeftOut(family, raw(ensemble, taught.select), by_collection, twins)


def raw(ensemble: Ensemble, looked: Looked) -> dict[str, Scores]:
    """Raw scores [n] by signal, in their order; those of single generators are left away."""
    features, logits = ensemble.tuned(looked.seen.crops)
    scores = ensemble.beside(Seen(looked.seen.crops, looked.seen.frozen, features), logits)
    return {
        MUFLOW: looked.totals,
        **{name: values for name, values in scores.items() if not name.startswith(GENERATOR)},
    }


def head_cards(head: TunedBackbone, taught: Taught, training: dict[str, object]) -> dict[str, HeadCard]:
    """Who the heads know, for the manifest: the classes of which `data` has fakes, with their terms.

    The scores of single generators are the tuned head's, so they share its card.
    """
    fakes = [row for row in taught.fakes.rows if row.generator in head.classes]
    known = (
        tuple(sorted({crop.generator for crop in fakes})),
        tuple(sorted({crop.family for crop in fakes})),
        len(fakes),
        tuple(sorted({crop.licence for crop in fakes})),
    )
    made = [name for name in (SELF_BLEND, RESYNTHESISED) if name in head.classes]
    linear = {"method": "logistic", "features": "pooled, frozen"}
    return {HEAD: HeadCard(*known, {**training, "pseudo_fakes": made}), LINEAR: HeadCard(*known, linear)}


def heads_of(ensemble: Ensemble) -> Iterator[str]:
    """The names under which heads' scores come."""
    if ensemble.linear is not None:
        yield LINEAR
    if ensemble.head is not None:
        yield HEAD
        yield from (f"{GENERATOR}{name}" for name in ensemble.head.classes[1:])
