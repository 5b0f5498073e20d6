"""FastFlow on single genuine faces (METHOD stage B): seeded, resumable, stopped by unseen genuine faces alone."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor

from ..signals.muflow import MuFlow
from .averages import K, N
from .degrade import as_uploaded
from .fit_gaussian import batches


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


@dataclass(slots=True)
class Progress:
    """Where a run stands; `history` holds one entry per epoch."""

    epoch: int = 0
    best: float = float("inf")
    best_epoch: int = 0
    lr: float = 0.0
    since_drop: int = 0
    history: list[dict[str, float]] = field(default_factory=list)


Report = Callable[[Progress], None]
Stages = list[Tensor]


@torch.inference_mode()
def cache(model: MuFlow, crops: NDArray[np.uint8]) -> Stages:
    """Feature maps of crops uint8 [n, s, s, 3], one float16 [n, C, H, W] per stage (about 250 kB a face)."""
    stages = [torch.empty(len(crops), *shape, dtype=torch.float16) for shape in model.shapes]
    for at, batch in enumerate(batches(crops)):
        for stage, maps in zip(stages, model.features(batch), strict=True):
            stage[at * 32 : at * 32 + len(maps)] = maps
    return stages


def uploads(crops: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
    """Every crop once as a platform might hand it on (`degrade.as_uploaded`), seeded."""
    rng = np.random.default_rng(seed)
    return np.stack([as_uploaded(crop, rng) for crop in crops])


def variants(model: MuFlow, crops: NDArray[np.uint8], schedule: Schedule) -> list[Stages]:
    """The crops as they are, and `schedule.variants` times as uploaded."""
    degraded = (uploads(crops, schedule.seed * 1000 + at) for at in range(1, schedule.variants + 1))
    return [cache(model, crops), *(cache(model, pixels) for pixels in degraded)]


@torch.inference_mode()
def held_out(model: MuFlow, features: Stages) -> float:
    """Mean NLL over faces and layers of faces that did not train: the only figure that chooses."""
    totals = []
    for start in range(0, len(features[0]), 64):
        nll, _ = model.likelihoods([stage[start : start + 64].float() for stage in features])
        totals.append(torch.stack(nll).mean(0))
    return float(torch.cat(totals).mean())


def fit_flow(
    model: MuFlow, train: list[Stages], select: Stages, schedule: Schedule, run: Path, report: Report
) -> Progress:
    """Train the flows in place and leave the best epoch's in the model.

    train: variants of the same faces, of which an epoch takes the first half the time; select: features of the
    selection faces. `run` keeps the state after every epoch: started again on it, the same run goes on.
    """
    flows = model.layers
    optimizer = torch.optim.AdamW(flows.parameters(), lr=schedule.lr, weight_decay=schedule.weight_decay)
    progress = _resume(model, optimizer, run) or Progress(lr=schedule.lr)
    until = time.monotonic() + 60 * schedule.minutes
    while progress.epoch < schedule.epochs and progress.epoch - progress.best_epoch < schedule.patience:
        if time.monotonic() > until:
            break
        for group in optimizer.param_groups:
            group["lr"] = progress.lr
        started = time.monotonic()
        fitted = _epoch(model, optimizer, train, schedule, progress.epoch)
        progress.epoch += 1
        score = held_out(model, select)
        entry = {"train": fitted, "select": score, "lr": progress.lr, "seconds": time.monotonic() - started}
        progress.history.append(entry)
        _plateau(progress, score, schedule)
        _keep(model, optimizer, progress, run)
        report(progress)
    if (run / "best.safetensors").is_file():
        flows.load_state_dict(load_file(run / "best.safetensors"))
    return progress


def _epoch(model: MuFlow, optimizer: torch.optim.Optimizer, train: list[Stages], plan: Schedule, epoch: int) -> float:
    rng = np.random.default_rng((plan.seed, epoch))
    count = len(train[0][0])
    chosen = np.where(rng.random(count) < 0.5, 0, rng.integers(0, len(train), count))
    total, model_mean = 0.0, 1.0 / len(model.shapes)
    order = rng.permutation(count)
    for start in range(0, count, plan.batch):
        picked = order[start : start + plan.batch]
        features = [
            torch.stack([train[chosen[face]][stage][face] for face in picked]).float()
            for stage in range(len(model.shapes))
        ]
        nll, _ = model.likelihoods(features)
        loss = torch.stack([layer.mean() for layer in nll]).sum() * model_mean
        if not torch.isfinite(loss):
            raise FloatingPointError(
                f"the loss became {float(loss.detach())} in epoch {epoch}: lower the learning rate"
            )
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        total += float(loss.detach()) * len(picked)
    return total / count


def _plateau(progress: Progress, score: float, plan: Schedule) -> None:
    """ReduceLROnPlateau's rule and the early stop's, on the held-out figure."""
    if score < progress.best:
        progress.best, progress.best_epoch, progress.since_drop = score, progress.epoch, 0
        return
    progress.since_drop += 1
    if progress.since_drop > plan.plateau:
        progress.lr, progress.since_drop = progress.lr * plan.decay, 0


def _keep(model: MuFlow, optimizer: torch.optim.Optimizer, progress: Progress, run: Path) -> None:
    run.mkdir(parents=True, exist_ok=True)
    flows = {name: value.contiguous() for name, value in model.layers.state_dict().items()}
    if progress.best_epoch == progress.epoch:
        save_file(flows, run / "best.safetensors")
    moments = {
        f"{at}.{name}": value for at, state in optimizer.state_dict()["state"].items() for name, value in state.items()
    }
    save_file(moments, run / "optimizer.safetensors")
    save_file(flows, run / "last.safetensors")
    (run / "progress.json").write_text(json.dumps(asdict(progress), indent=1), encoding="utf-8")


def _resume(model: MuFlow, optimizer: torch.optim.Optimizer, run: Path) -> Progress | None:
    if not (run / "progress.json").is_file():
        return None
    model.layers.load_state_dict(load_file(run / "last.safetensors"))
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in load_file(run / "optimizer.safetensors").items():
        at, name = key.split(".")
        state.setdefault(int(at), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    return Progress(**json.loads((run / "progress.json").read_text(encoding="utf-8")))
