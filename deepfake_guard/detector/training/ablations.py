"""What each part of the method is worth: one thing changed at a time, judged on development splits, never on tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from ..calibration import Fold
from ..features.tuned import TunedBackbone, margin
from ..gaussian import Gaussian
from ..signals.base import Features, Seen, Signal
from ..signals.muflow import MuFlow, Settings
from ..stored_crops import brought
from . import averages
from . import crops as listing
from .crops import Pixels
from .evaluation_figures import LEAST
from .fit_flow import Progress, Schedule, cache, fit_flow
from .fit_gaussian import fit_gaussians, pooled_stages
from .fit_signals import GENUINE, PSEUDO, choose, fits, fits_pooled, pseudo_faces
from .statistics import Floats, auc

OBJECTIVES = (("density", "mean"), ("published", "mean"), ("published", "flatten"), ("published-log1p", "flatten"))
POOLINGS = ("mean", "max", "mean_std", "flatten")
WIDEST = "full_flatten"  # every place of every map: 10 GB and ten minutes for 2,510 faces
COUNTS = (100, 200, 400, 800, 1600)

Score = Callable[[Pixels], Floats]
Embed = Callable[[Pixels], Features]
Fits = Mapping[str, Callable[[Seen], Signal]]
Made = TypeVar("Made")


def as_scored(data: Path, rows: Sequence[listing.Crop]) -> Pixels:
    """As they are scored: crops that were stored small are brought up as an upload would be."""
    return brought(listing.load(data, rows), [row.native_px for row in rows])[0]


@dataclass(frozen=True, eq=False, slots=True)
class Pool:
    """Crops uint8 [n, s, s, 3]: genuine ones that train and that judge, and fakes by collection."""

    train: Pixels
    select: Pixels
    fakes: Mapping[str, Pixels]

    @classmethod
    def read(cls, data: Path, track: str = "hq", each: int = 60, seed: int = 0) -> Pool:
        """train-real, select-real, and at most `each` of every collection of head-fake, seeded. Raises DataError, also
        where no collection has LEAST fakes to judge by."""
        rng = np.random.default_rng(seed)
        groups: dict[str, list[listing.Crop]] = {}
        for crop in listing.index(data, "head-fake", track):
            groups.setdefault(crop.collection, []).append(crop)
        fakes = {
            name: as_scored(data, [rows[at] for at in sorted(rng.permutation(len(rows))[:each])])
            for name, rows in groups.items()
            if len(rows) >= LEAST
        }
        if not fakes:
            raise listing.DataError(f"no collection of head-fake has {LEAST} fakes of the track {track} to judge by")
        train, select = (as_scored(data, listing.index(data, split, track)) for split in ("train-real", "select-real"))
        return cls(train, select, fakes)


def judged(score: Callable[[Pixels], Floats], pool: Pool) -> dict[str, Any]:
    """AUC one-sided and folded against select-real: the mean over collections of fakes, and each."""
    usual = score(pool.select)
    fold = Fold.fit(usual)
    each = {}
    for name, crops in pool.fakes.items():
        raw = score(crops)
        each[name] = {
            "n": len(raw),
            "one_sided": round(auc(raw, usual)[0], 4),
            "folded": round(auc(fold(raw), fold(usual))[0], 4),
        }
    sides = ("one_sided", "folded")
    means = {side: round(float(np.mean([one[side] for one in each.values()])), 4) for side in sides}
    return {"n": len(usual), **means, "collections": each}


def centre(model: MuFlow, pool: Pool, pooling: str, plan: Schedule) -> dict[str, Any]:
    """(µ*, Σ*) of average images against that of single faces: mean Mahalanobis distance over the layers."""
    drawn = _averages(pool, plan)
    return {
        name: judged(_distance(model, fit_gaussians(model.features, crops, pooling), pooling), pool)
        for name, crops in (("averages", drawn), ("singles", pool.train))
    }


def _distance(model: MuFlow, gaussians: Sequence[Gaussian], pooling: str) -> Score:
    def score(crops: Pixels) -> Floats:
        stages = pooled_stages(model.features, crops, pooling)
        each = [gauss.mahalanobis(stage.float()).double() for gauss, stage in zip(gaussians, stages, strict=True)]
        return np.asarray(torch.stack(each).mean(0).numpy(), dtype=np.float64)

    return score


def short_flow(model: MuFlow, pool: Pool, settings: Settings, plan: Schedule, run: Path) -> dict[str, Any]:
    """A flow of these settings, trained as long as the plan says, and how far it came."""
    own, progress = fitted_flow(model, pool, settings, plan, run)
    found = judged(lambda crops: own.score(crops).total, pool)
    return {"train": len(pool.train), "epochs": progress.epoch, "best_epoch": progress.best_epoch, **found}


def fitted_flow(model: MuFlow, pool: Pool, settings: Settings, plan: Schedule, run: Path) -> tuple[MuFlow, Progress]:
    """Gaussians of averages of the pool's training faces, then a flow on these, on the backbone of `model`."""
    drawn = _averages(pool, plan)
    own = MuFlow(model.backbone, fit_gaussians(model.features, drawn, settings.pooling), settings).to(model.device)
    progress = fit_flow(own, [cache(own, pool.train)], cache(own, pool.select), plan, run, lambda now: None)  # noqa: ARG005
    return own.eval(), progress


def _averages(pool: Pool, plan: Schedule) -> Pixels:
    """Of at most a quarter of the training faces each: few faces have averages, too."""
    return averages.averages(pool.train, plan.seed, min(plan.of, len(pool.train) // 4), plan.averages)


def learning_curve(
    signals: Fits, embed: Embed, pool: Pool, counts: Sequence[int] = COUNTS, seed: int = 0
) -> dict[str, Any]:
    """Number of genuine training faces -> each signal on pooled features, fitted on so many."""
    result: dict[str, Any] = {}
    for at in _growing(len(pool.train), counts, seed):
        chosen = Seen(pool.train[at], embed(pool.train)[at])
        scores = ((name, partial(_scored, fit(chosen), embed)) for name, fit in signals.items())
        result[str(len(at))] = {name: judged(score, pool) for name, score in scores}
    return result


def flow_curve(model: MuFlow, pool: Pool, plan: Schedule, home: Path, counts: Sequence[int] = COUNTS) -> dict[str, Any]:
    """The same of µFlow: of so many faces both average images and a short flow, each going on in a folder of `home`."""
    return {
        str(len(at)): {
            "µFlow": short_flow(
                model, replace(pool, train=pool.train[at]), model.settings, plan, home / f"curve-{len(at)}"
            )
        }
        for at in _growing(len(pool.train), counts, plan.seed)
    }


def _growing(total: int, counts: Sequence[int], seed: int) -> Iterator[NDArray[np.int64]]:
    """Indices of so many faces, seeded, each number's among the next one's; at last all."""
    order = np.random.default_rng(seed).permutation(total)
    yield from (order[:count] for count in sorted({*(one for one in counts if one < total), total}))


def one_class(model: MuFlow, flow: Score, embed: Embed, pool: Pool, own: Sequence[Signal] = ()) -> dict[str, Any]:
    """µFlow, whose score `flow` is, and beside it every other one-class signal fitted on the training faces, and the
    artefact's own that cannot be fitted here."""
    signals = _all(model, embed, pool, own)
    others = {name: beside(flow, partial(_scored, signal, embed), pool) for name, signal in signals.items()}
    return {"µFlow": judged(flow, pool), **others}


def beside(flow: Score, other: Score, pool: Pool) -> dict[str, Any]:
    """The other by itself, and its gain: what the greater of both folded scores finds more than µFlow's alone."""
    found, alone = judged(other, pool), judged(flow, pool)
    folds = [(score, Fold.fit(score(pool.select))) for score in (flow, other)]
    both = judged(lambda crops: np.maximum(*(fold(score(crops)) for score, fold in folds)), pool)
    for name, one in found["collections"].items():
        one["gain"] = round(both["collections"][name]["one_sided"] - alone["collections"][name]["folded"], 4)
    return {**found, "gain": round(both["one_sided"] - alone["folded"], 4)}


def on_tuned_features(flow: Score, head: TunedBackbone, embed: Embed, pool: Pool) -> dict[str, Any]:
    """Mahalanobis and neighbours on the features of a tuned head, by stage, and the head's own margin, each beside
    µFlow. `embed`: crops -> those features. What a head was taught they find as well: an artefact that left a family
    out says what of that is seen in fakes it never met."""

    def seen(crops: Pixels) -> Seen:
        return Seen(crops, np.zeros((len(crops), 0), np.float32), embed(crops))

    @torch.inference_mode()
    def its_margin(crops: Pixels) -> Floats:
        pooled = torch.from_numpy(embed(crops)).to(head.directions.device)
        return np.asarray(margin(head.logits(head.embed(pooled))).cpu().double().numpy())

    def its_score(signal: Signal, crops: Pixels) -> Floats:
        return signal.score(seen(crops))

    genuine = seen(pool.train)
    fitted = {name: fit(genuine) for name, fit in fits_pooled("tuned", head.net.channels).items()}
    scores: dict[str, Score] = {name: partial(its_score, signal) for name, signal in fitted.items()}
    return {name: beside(flow, score, pool) for name, score in {"margin": its_margin, **scores}.items()}


def _all(model: MuFlow, embed: Embed, pool: Pool, own: Sequence[Signal]) -> dict[str, Signal]:
    genuine = Seen(pool.train, embed(pool.train))
    known = fits([shape[0] for shape in model.shapes], model.pooled)
    return {name: fit(genuine) for name, fit in known.items()} | {signal.name: signal for signal in own}


def kept(model: MuFlow, embed: Embed, pool: Pool, own: Sequence[Signal] = (), seed: int = 0) -> dict[str, Any]:
    """Which signals are added to µFlow, by the selection faces and one kind of pseudo-fake made of them each: no fake
    of any generator is looked at."""
    faces = pseudo_faces(pool.select, seed)
    scores: dict[str, dict[str, Floats]] = {
        name: {kind: _scored(signal, embed, crops) for kind, crops in faces.items()}
        for name, signal in _all(model, embed, pool, own).items()
    }
    scores["µFlow"] = {kind: model.score(crops).total for kind, crops in faces.items()}
    return {
        kind: choose({name: {one: each[one] for one in (GENUINE, kind)} for name, each in scores.items()}, ["µFlow"])
        for kind in PSEUDO
    }


def _scored(signal: Signal, embed: Embed, crops: Pixels) -> Floats:
    return signal.score(Seen(crops, embed(crops)))


def remembered(make: Callable[[Pixels], Made]) -> Callable[[Pixels], Made]:
    """What is made of the same array is made once."""
    known: dict[int, tuple[Pixels, Made]] = {}  # the array is kept, so that no other takes its id

    def once(crops: Pixels) -> Made:
        if id(crops) not in known:
            known[id(crops)] = crops, make(crops)
        return known[id(crops)][1]

    return once
