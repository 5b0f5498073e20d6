"""FastFlow on single genuine faces (method.md, stage B): seeded, resumable, stopped by unseen genuine faces alone.

Convolutions are computed in the model's `precision`; weights, likelihoods and what is kept stay in single precision.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..signals.muflow import MuFlow
from .averages import K, N
from .degrade import as_uploaded
from .fit_gaussian import batches
from .flow_state import Progress, fill, keep, learnt, resume
from .patches import random_patches
from .run_state import RunError

__all__ = ["Progress", "RunError", "Schedule", "cache", "fit_flow", "held_out", "uploads", "variants"]


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how fast; the defaults are the published values.

    averages, of: how many average images, and of how many faces each; variants: degraded copies of each training face.
    minutes: stop after this time, to go on later.
    """

    averages: int = N
    of: int = K

    lr: float = 1e-4
    weight_decay: float = 1e-5
    batch: int = 32
    epochs: int = 1000
    plateau: int = 35
    decay: float = 0.7
    patience: int = 50
    variants: int = 2
    seed: int = 0
    minutes: float = float("inf")


Report = Callable[[Progress], None]
Stages = list[Tensor]
MAY_CHANGE = ("epochs", "minutes", "patience")  # between two parts of one run


@torch.inference_mode()
def cache(model: MuFlow, crops: NDArray[np.uint8], rng: np.random.Generator | None = None) -> Stages:
    """Feature maps of crops uint8 [n, s, s, 3], one float16 [n · v, C, H, W] per stage (lite0: about 250 kB a face).

    v = 1; with patches, those that are scored or, given a generator, the random ones of training.
    """
    patches, each = model.settings.patches, 1
    look: Callable[[Tensor], list[Tensor]] = model.features
    if patches is not None and rng is not None:
        crops, look = random_patches(crops, patches.train, model.settings.input_px, rng), model.maps
    elif patches is not None:
        each = patches.count
    stages = [torch.empty(len(crops) * each, *shape, dtype=torch.float16) for shape in model.shapes]
    at = 0
    for batch in batches(crops):
        found = look(batch)
        for stage, maps in zip(stages, found, strict=True):
            stage[at : at + len(maps)] = maps
        at += len(found[0])
    return stages


def uploads(crops: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
    """Every crop once as a platform might hand it on (`degrade.as_uploaded`), seeded."""
    rng = np.random.default_rng(seed)
    return np.stack([as_uploaded(crop, rng) for crop in crops])


def variants(model: MuFlow, crops: NDArray[np.uint8], schedule: Schedule) -> list[Stages]:
    """The crops as they are, and `schedule.variants` times as uploaded; with patches, other random ones each time."""
    pictures = (crops, *(uploads(crops, schedule.seed * 1000 + at) for at in range(1, schedule.variants + 1)))
    return [cache(model, some, np.random.default_rng((schedule.seed, 42, at))) for at, some in enumerate(pictures)]


def held_out(model: MuFlow, features: Stages) -> float:
    """Mean NLL over faces and layers of faces that did not train: the only figure that chooses.

    A likelihood whatever was minimised: the published objectives are none (`signals.likelihood`) and can fall while
    genuine faces become less likely.
    """
    return float(_totals(model, features, "density").mean())


def line(now: Progress) -> str:
    """One epoch, and how long it may still take."""
    last = now.history[-1]
    return (
        f"epoch {now.epoch}: train {last['train']:.4f}, select {last['select']:.4f} "
        f"(best {now.best:.4f} at {now.best_epoch}), lr {last['lr']:.1e}, {last['seconds']:.0f} s, "
        f"at most {now.seconds_left / 60:.0f} min left"
    )


def fit_flow(
    model: MuFlow, train: list[Stages], select: Stages, schedule: Schedule, run: Path, report: Report
) -> Progress:
    """Train the flows in place and leave the best epoch's in the model.

    train: variants of the same faces, of which an epoch takes the first half the time; select: features of the
    selection faces. `run` keeps the state after every epoch: started again on it, the same run goes on.
    Raises RunError for another run's folder, FloatingPointError when the loss is no number any more.
    """
    flows, plan = model.layers, _plan(model, train, schedule)
    optimizer = torch.optim.AdamW(flows.parameters(), lr=schedule.lr, weight_decay=schedule.weight_decay)
    progress, best = resume(run, flows, optimizer, plan) or (Progress(lr=schedule.lr), learnt(flows))
    until = time.monotonic() + 60 * schedule.minutes
    while _left(progress, schedule) > 0 and time.monotonic() < until:
        for group in optimizer.param_groups:
            group["lr"] = progress.lr
        started = time.monotonic()
        entry = {"train": _epoch(model, optimizer, train, schedule, progress.epoch), "lr": progress.lr}
        entry["select"] = score = _finite(held_out(model, select), progress.epoch)
        progress.epoch += 1
        progress.history.append({**entry, "seconds": time.monotonic() - started})
        _plateau(progress, score, schedule)
        if progress.best_epoch == progress.epoch:
            best = learnt(flows)
        progress.seconds_left = _seconds_left(progress, schedule, until)
        keep(run, learnt(flows), best, optimizer, progress, plan)
        report(progress)
    fill(flows, best)
    if model.settings.patches is not None:
        model.typical.copy_(_totals(model, select, model.settings.objective).median())
    return progress


@torch.inference_mode()
def _totals(model: MuFlow, features: Stages, objective: str) -> Tensor:
    totals = []
    for start in range(0, len(features[0]), 64):
        some = [stage[start : start + 64].float() for stage in features]
        nll, _ = model.likelihoods(some, fused=True, objective=objective)
        totals.append(torch.stack(nll).mean(0))
    return torch.cat(totals)


def _plan(model: MuFlow, train: list[Stages], schedule: Schedule) -> dict[str, Any]:
    """What must be the same for a run to go on, as JSON gives it back."""
    settings = {**asdict(model.settings), "precision": str(model.precision)}
    lasting = {key: value for key, value in asdict(schedule).items() if key not in MAY_CHANGE}
    frozen = [model.backbone.name, model.backbone.origin, model.backbone.options, list(model.backbone.stages)]
    return {**settings, **lasting, "maps": [len(train), *train[0][0].shape], "backbone": frozen}


def _left(progress: Progress, plan: Schedule) -> int:
    """How many epochs are left, as long as none is better than the best."""
    return min(plan.epochs, progress.best_epoch + plan.patience) - progress.epoch


def _seconds_left(progress: Progress, plan: Schedule, until: float) -> float:
    seconds = [epoch["seconds"] for epoch in progress.history[-10:]]
    return max(0.0, min(_left(progress, plan) * sum(seconds) / len(seconds), until - time.monotonic()))


def _finite(loss: float, epoch: int) -> float:
    if not np.isfinite(loss):
        raise FloatingPointError(f"the loss became {loss} in epoch {epoch}: lower the learning rate")
    return loss


def _epoch(model: MuFlow, optimizer: torch.optim.Optimizer, train: list[Stages], plan: Schedule, epoch: int) -> float:
    rng = np.random.default_rng((plan.seed, epoch))
    count = len(train[0][0])
    chosen = np.where(rng.random(count) < 0.5, 0, rng.integers(0, len(train), count))
    total, model_mean = 0.0, 1.0 / len(model.shapes)
    order = rng.permutation(count)
    for start in range(0, count, plan.batch):
        picked = order[start : start + plan.batch]
        features = [
            torch.stack([train[chosen[row]][stage][row] for row in picked]).float()
            for stage in range(len(model.shapes))
        ]
        nll, _ = model.likelihoods(features)
        loss = torch.stack([layer.mean() for layer in nll]).sum() * model_mean
        value = _finite(float(loss.detach()), epoch)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        total += value * len(picked)
    return total / count


def _plateau(progress: Progress, score: float, plan: Schedule) -> None:
    """ReduceLROnPlateau's rule and the early stop's, on the held-out figure."""
    if score < progress.best:
        progress.best, progress.best_epoch, progress.since_drop = score, progress.epoch, 0
        return
    progress.since_drop += 1
    if progress.since_drop > plan.plateau:
        progress.lr, progress.since_drop = progress.lr * plan.decay, 0
