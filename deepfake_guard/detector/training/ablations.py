"""What each part of the method is worth: one thing changed at a time, judged on development splits, never on tests.

Every part takes minutes: features are made once, flows are short. What the time does not reach is named as skipped.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..calibration import Fold
from ..gaussian import Gaussian
from ..signals.base import Features, Seen, Signal
from ..signals.mahalanobis import Mahalanobis
from ..signals.muflow import MuFlow, Settings
from ..signals.neighbours import Neighbours
from . import averages
from . import crops as listing
from .crops import Pixels
from .evaluation_figures import LEAST
from .evaluation_table import Say, silent
from .fit_flow import Schedule, cache, fit_flow
from .fit_gaussian import fit_gaussians, pooled_stages
from .statistics import Floats, auc

OBJECTIVES = (("density", "mean"), ("published", "mean"), ("published", "flatten"), ("published-log1p", "flatten"))
POOLINGS = ("mean", "max", "mean_std", "flatten")
COUNTS = (100, 200, 400, 800, 1600)

Score = Callable[[Pixels], Floats]


@dataclass(frozen=True, eq=False, slots=True)
class Pool:
    """Crops uint8 [n, s, s, 3]: genuine ones that train and that judge, and fakes by collection."""

    train: Pixels
    select: Pixels
    fakes: Mapping[str, Pixels]

    @classmethod
    def read(cls, data: Path, track: str = "hq", each: int = 60, seed: int = 0) -> Pool:
        """train-real, select-real, and at most `each` of every collection of head-fake, seeded."""
        rng = np.random.default_rng(seed)
        groups: dict[str, list[listing.Crop]] = {}
        for crop in listing.index(data, "head-fake", track):
            groups.setdefault(crop.collection, []).append(crop)
        fakes = {
            name: listing.load(data, [rows[at] for at in sorted(rng.permutation(len(rows))[:each])])
            for name, rows in groups.items()
            if len(rows) >= LEAST
        }
        train, select = (
            listing.load(data, listing.index(data, split, track)) for split in ("train-real", "select-real")
        )
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
    drawn = averages.averages(pool.train, plan.seed, plan.of, plan.averages)
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
    drawn = averages.averages(pool.train, plan.seed, min(plan.of, len(pool.train) // 4), plan.averages)
    gaussians = fit_gaussians(model.features, drawn, settings.pooling)
    own = MuFlow(model.backbone, gaussians, settings)
    progress = fit_flow(own, [cache(own, pool.train)], cache(own, pool.select), plan, run, lambda now: None)  # noqa: ARG005
    own.eval()
    found = judged(lambda crops: own.score(crops).total, pool)
    return {"train": len(pool.train), "epochs": progress.epoch, "best_epoch": progress.best_epoch, **found}


def learning_curve(model: MuFlow, pool: Pool, counts: Sequence[int], seed: int = 0) -> dict[str, Any]:
    """Number of genuine training faces -> Mahalanobis and neighbours on pooled features, fitted on so many."""
    order = np.random.default_rng(seed).permutation(len(pool.train))
    features = model.pooled(pool.train)
    known = {id(crops): model.pooled(crops) for crops in (pool.select, *pool.fakes.values())}
    result: dict[str, Any] = {}
    for count in sorted({*(one for one in counts if one < len(order)), len(order)}):
        chosen = Seen(pool.train[order[:count]], features[order[:count]])
        signals: tuple[Signal, ...] = (Mahalanobis.fit(chosen, rank=min(96, count - 1)), Neighbours.fit(chosen))
        result[str(count)] = {signal.name: judged(partial(_scored, signal, known), pool) for signal in signals}
    return result


def _scored(signal: Signal, known: Mapping[int, Features], crops: Pixels) -> Floats:
    return signal.score(Seen(crops, known[id(crops)]))


def run(
    data: Path,
    out: Path,
    *,
    model: MuFlow,
    minutes: float = 60,
    plan: Schedule | None = None,
    faces: int = 640,
    track: str = "hq",
    say: Say = silent,
) -> dict[str, Any]:
    """All ablations of a folder of crops, one after the other, written to `out` as JSON after each.

    model: gives the backbone and the input's size. faces: how many training faces a short flow sees. minutes: no part
    is begun after them ("skipped" names what was not), and a flow gets an eighth of them.
    """  # fmt: skip
    pool = Pool.read(data, track)
    plan = plan or Schedule(lr=3e-3, epochs=6, plateau=1, patience=6)
    few = replace(pool, train=pool.train[np.random.default_rng(plan.seed).permutation(len(pool.train))[:faces]])
    brief = replace(plan, minutes=minutes / 8)
    base = model.settings
    parts: dict[str, Callable[[], dict[str, Any]]] = {"learning curve": partial(learning_curve, model, pool, COUNTS)}
    for pooling in POOLINGS:
        parts[f"averages or singles, {pooling}"] = partial(centre, model, pool, pooling, plan)
    for objective, pooling in OBJECTIVES:
        name = f"{objective}, {pooling}"
        settings = replace(base, objective=objective, pooling=pooling)
        folder = out.with_name(f"{out.stem}.run") / f"{objective}-{pooling}"
        parts[f"flow, {name}"] = partial(short_flow, model, few, settings, brief, folder)
    return _in_time(parts, out, minutes, say)


def _in_time(parts: Mapping[str, Callable[[], dict[str, Any]]], out: Path, minutes: float, say: Say) -> dict[str, Any]:
    until, result, skipped = time.monotonic() + 60 * minutes, dict[str, Any](), list[str]()
    for name, part in parts.items():
        if time.monotonic() > until:
            skipped.append(name)
            continue
        started = time.monotonic()
        result[name] = part()
        say(f"{name}: {time.monotonic() - started:.0f} s")
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps({**result, "skipped": skipped}, indent=1), encoding="utf-8")
    whole = {**result, "skipped": skipped}
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(whole, indent=1), encoding="utf-8")
    return whole
