"""From µFlow and a run of `tune` to all that an artefact scores with, and to the scores that a fusion is chosen on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from ..ensemble import GENERATOR, HEAD, LINEAR, MUFLOW, Ensemble
from ..explain.words import of_heads
from ..features.tuned import RESYNTHESISED, SELF_BLEND, TunedBackbone
from ..heads.linear import GENUINE, LinearHead
from ..manifest import HeadCard
from ..signals.alteration import Alteration
from ..signals.base import Scores, Seen
from ..signals.muflow import MuFlow
from ..stored_crops import brought
from . import crops as listing
from .crops import Crop, Pixels
from .fit_fusion import Family, Kept
from .fit_gaussian import batches
from .fit_signals import SHADOWS, fits, fits_tuned, shipped
from .lessons import HEAD_FAKES, HEAD_GENUINE, SWAP
from .simulated import bucket_crops

SELECT = "select-real"
SMALL = "any/112"  # the bucket of the low track's faces


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


def look(muflow: MuFlow, rows: Sequence[Crop], crops: Pixels) -> Looked:
    """What µFlow sees of crops uint8 [n, s, s, 3]."""
    frozen, totals = [], []
    for batch in batches(crops):
        with torch.inference_mode():
            stages = muflow.features(batch)
        frozen.append(muflow.pooled(stages))
        totals.append(muflow.score_features(stages, crops.shape[1:3]).total)
    return Looked(rows, Seen(crops, np.concatenate(frozen)), np.concatenate(totals))


@dataclass(frozen=True, eq=False, slots=True)
class Taught:
    """All that an ensemble is fitted on and its fusion is chosen on. genuine: head-real, where swaps come from; small:
    the selection faces as small uploads, to hold the strangers against: low-track selection faces of sources that
    nothing is trained on (None where the data have none)."""

    train: Looked
    select: Looked
    fakes: Looked
    genuine: Looked
    small: Looked | None
    strangers: Looked | None

    @classmethod
    def read(cls, muflow: MuFlow, data: Path, train: Sequence[Crop], select: Sequence[Crop]) -> Taught:
        """head-fake and head-real, and these genuine faces."""
        known = {row.collection for row in (*train, *select)}
        parts = (train, select, *(listing.index(data, split) for split in (HEAD_FAKES, HEAD_GENUINE)))
        learnt, chosen, fakes, genuine = (look(muflow, rows, listing.load(data, rows)) for rows in parts)
        strange = [row for row in _low(data) if row.collection not in known]
        shrunk, at = bucket_crops(chosen.seen.crops, [row.native_px for row in select], SMALL, seed=0)
        if not strange or not len(at):
            return cls(learnt, chosen, fakes, genuine, None, None)
        small = look(muflow, [select[int(index)] for index in at], shrunk)
        met, _ = brought(listing.load(data, strange), [row.native_px for row in strange])
        return cls(learnt, chosen, fakes, genuine, small, look(muflow, strange, met))


def _low(data: Path) -> list[Crop]:
    try:
        return listing.index(data, SELECT, "low")
    except listing.DataError:
        return []


def fit_signals_of(muflow: MuFlow, train: Looked) -> Ensemble:
    """µFlow and the one-class signals that ship, fitted on n > 5 genuine training faces."""
    known = shipped([shape[0] for shape in muflow.shapes])
    return Ensemble(muflow, tuple(fit(train.seen) for fit in known.values()))


def with_shadows(ensemble: Ensemble, train: Looked, shadows: Sequence[str]) -> Ensemble:
    """And signals of `SHADOWS` beside those that ship, fitted on the same faces.

    Raises ValueError for one on tuned features without a head.
    """
    muflow, seen = ensemble.muflow, train.seen
    known = fits([shape[0] for shape in muflow.shapes], muflow.pooled) | fits_tuned()
    if any(map(of_heads, shadows)):
        seen = replace(seen, tuned=ensemble.tuned(seen.crops)[0])
    fitted = (known[SHADOWS[name].format(last=len(muflow.shapes))](seen) for name in shadows)
    return replace(ensemble, signals=(*ensemble.signals, *fitted))


def fit_ensemble(muflow: MuFlow, head: TunedBackbone, taught: Taught, alteration: Alteration | None = None) -> Ensemble:
    """Signals, the tuned head, and a linear head that knows the same generators; none beside a head that knows no
    generator (`tune --pseudo-only`)."""
    ensemble = with_alteration(fit_signals_of(muflow, taught.train), alteration)
    return replace(ensemble, head=head, linear=_linear(head, taught))


def with_alteration(ensemble: Ensemble, alteration: Alteration | None) -> Ensemble:
    """And what was learnt from pseudo-fakes, where it was."""
    return ensemble if alteration is None else replace(ensemble, signals=(*ensemble.signals, alteration))


def _linear(head: TunedBackbone, taught: Taught) -> LinearHead | None:
    """Ridge-logistic on the frozen backbone's features: the genuine faces and the fakes that `head` was taught with."""
    fakes = taught.fakes.take([row.generator in head.classes for row in taught.fakes.rows])
    if not fakes.rows:
        return None
    parts = [taught.train, fakes]
    if any(row.family == SWAP for row in fakes.rows):
        parts.append(taught.genuine)  # as the lessons of `tune`
    rows = [row for part in parts for row in part.rows]
    names = [GENUINE if row.label == "real" else row.generator for row in rows]
    features = np.concatenate([part.seen.frozen for part in parts])
    return LinearHead.fit(features, names, sources=[row.collection for row in rows])


def left_out(
    muflow: MuFlow, head: TunedBackbone, taught: Taught, family: str, alteration: Alteration | None = None
) -> Family:
    """Raw scores of the fakes of `family`, which `head` never saw, and of genuine faces beside them.

    Raises DataError for a family that has no fakes, and for a head that knows one of their generators.
    """
    generators = {row.generator for row in taught.fakes.rows if row.family == family}
    if not generators:
        known_families = ", ".join(sorted({row.family for row in taught.fakes.rows}))
        raise listing.DataError(f"no fake is of the family {family!r}: there are {known_families}")
    if known := set(head.classes) & generators:
        raise listing.DataError(f"this head has seen {', '.join(sorted(known))}: {family} is not left out")
    return _family(fit_ensemble(muflow, head, taught, alteration), taught, family)


def kept(ensemble: Ensemble, taught: Taught) -> Kept:
    """What a rule for this ensemble must not spoil."""
    known = ensemble.head.classes if ensemble.head is not None else ()
    families = sorted({row.family for row in taught.fakes.rows if row.generator in known})
    whole = [_family(ensemble, taught, family) for family in families]
    if taught.small is None or taught.strangers is None:
        return Kept(whole)
    sources = [row.collection for row in taught.strangers.rows]
    strangers = {
        source: raw(ensemble, taught.strangers.take([each == source for each in sources]))
        for source in sorted(set(sources))
    }
    return Kept(whole, raw(ensemble, taught.small), strangers)


def _family(ensemble: Ensemble, taught: Taught, family: str) -> Family:
    fakes = taught.fakes.take([row.family == family for row in taught.fakes.rows])
    by_collection = {}
    for name in sorted({row.collection for row in fakes.rows}):
        by_collection[name] = raw(ensemble, fakes.take([row.collection == name for row in fakes.rows]))
    twins = raw(ensemble, taught.genuine) if family == SWAP else None
    return Family(family, raw(ensemble, taught.select), by_collection, twins)


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
    cards = {HEAD: HeadCard(*known, {**training, "pseudo_fakes": made})}
    if fakes:
        cards[LINEAR] = HeadCard(*known, {"method": "logistic", "features": "pooled, frozen"})
    return cards
