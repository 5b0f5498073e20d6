"""anomalib's FastFlow and PaDiM beside µFlow: one backbone, the same pictures, one core. Run by hand.

In a venv of its own, since anomalib brings Lightning and much else:

    python3.11 -m venv /tmp/anomalib-venv && /tmp/anomalib-venv/bin/pip install anomalib -e '.[worker,train]'
    /tmp/anomalib-venv/bin/python docs/comparisons/anomalib_compare.py --data DATA --out /tmp/anomalib.json

Trained on train-real, judged on select-real against head-fake; no test split is read. Figures: ../comparisons.md.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import timm
import torch
from anomalib.models.image.fastflow.loss import FastflowLoss
from anomalib.models.image.fastflow.torch_model import FastflowModel
from anomalib.models.image.padim.torch_model import PadimModel

from deepfake_guard.detector.features import MEAN, NAME, STD, Backbone
from deepfake_guard.detector.gaussian import Gaussian
from deepfake_guard.detector.signals.muflow import MuFlow, Settings
from deepfake_guard.detector.training.ablations import Pool, judged
from deepfake_guard.detector.training.averages import averages
from deepfake_guard.detector.training.fit_flow import Schedule, cache, fit_flow
from deepfake_guard.detector.training.fit_gaussian import fit_gaussians

BATCH, SIDE = 32, 224


def tensor(crops: np.ndarray) -> torch.Tensor:
    """uint8 [n, s, s, 3] -> float [n, 3, s, s] as lite0 wants it."""
    return (torch.from_numpy(np.ascontiguousarray(crops)).permute(0, 3, 1, 2).float() / 255 - MEAN) / STD


def filled(net: torch.nn.Module) -> torch.nn.Module:
    """Give a features_only lite0 the very weights that µFlow has."""
    ours = Backbone.imagenet().net.state_dict()
    theirs = net.state_dict()
    net.load_state_dict({name: ours.get(name, value) for name, value in theirs.items()})
    shared = len(set(ours) & set(theirs))
    if shared < 0.9 * len(ours):
        raise SystemExit(f"only {shared} of {len(ours)} weights found their place")
    return net


def fastflow(train: np.ndarray, epochs: int, say: Callable[[str], None]) -> torch.nn.Module:
    """Its own recipe: AdamW, 1e-3, 1e-5; flow steps as ours."""
    create = timm.create_model
    # anomalib takes four backbones by name; under the name of one of them it is given lite0
    with mock.patch.object(timm, "create_model", lambda name, **built: create(NAME, **built)):  # noqa: ARG005
        model = FastflowModel((SIDE, SIDE), "resnet18", pre_trained=False, flow_steps=8)
    filled(model.feature_extractor)
    loss_of, rng = FastflowLoss(), np.random.default_rng(0)
    optimizer = torch.optim.AdamW(
        [*model.fast_flow_blocks.parameters(), *model.norms.parameters()], lr=1e-3, weight_decay=1e-5
    )
    for epoch in range(epochs):
        model.train()
        order, total = rng.permutation(len(train)), 0.0
        for at in range(0, len(order), BATCH):
            loss = loss_of(*model(tensor(train[order[at : at + BATCH]])))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += float(loss.detach())
        say(f"FastFlow, epoch {epoch + 1} of {epochs}: {total:.0f}")
    return model.eval()


def padim(train: np.ndarray) -> torch.nn.Module:
    """100 of its channels, as anomalib's default for resnet18."""
    torch.manual_seed(0)
    model = PadimModel(NAME, ["blocks.1", "blocks.2", "blocks.4"], pre_trained=False, n_features=100)
    filled(model.feature_extractor.feature_extractor)
    model.train()
    for at in range(0, len(train), BATCH):
        model(tensor(train[at : at + BATCH]))
    model.fit()
    return model.eval()


def muflow(pool: Pool, epochs: int, run: Path, say: Callable[[str], None]) -> MuFlow:
    """Ours, with as many epochs."""
    settings = Settings(pooling="mean", objective="density")
    backbone = Backbone.imagenet()
    empty = MuFlow(backbone, [Gaussian.blank(shape[0], 1) for shape in backbone.shapes(SIDE)], settings)
    drawn = averages(pool.train, 0, len(pool.train) // 4, 500)
    model = MuFlow(backbone, fit_gaussians(empty.features, drawn, "mean"), settings)
    plan = Schedule(lr=3e-3, epochs=epochs, plateau=1, patience=epochs)
    fit_flow(
        model, [cache(model, pool.train)], cache(model, pool.select), plan, run,
        lambda now: say(f"µFlow, epoch {now.epoch} of {epochs}: {now.history[-1]['select']:.3f}"),
    )  # fmt: skip
    return model.eval()


def scorer(model: torch.nn.Module) -> Callable[[np.ndarray], np.ndarray]:
    """anomalib's picture score: the maximum of its map."""

    @torch.inference_mode()
    def score(crops: np.ndarray) -> np.ndarray:
        parts = [model(tensor(crops[at : at + BATCH])).pred_score.flatten() for at in range(0, len(crops), BATCH)]
        return torch.cat(parts).double().numpy()

    return score


def paces(scores: dict[str, Callable[[np.ndarray], Any]], crops: np.ndarray, rounds: int = 7) -> dict[str, Any]:
    """Images a second in batches of 8, the models in turn: median and spread over the rounds."""
    taken: dict[str, list[float]] = {name: [] for name in scores}
    for _ in range(rounds):
        for name, score in scores.items():
            started = time.perf_counter()
            score(crops[:8])
            taken[name].append(8 / (time.perf_counter() - started))
    return {name: {"median": round(statistics.median(each[1:]), 2), "least": round(min(each[1:]), 2),
                   "most": round(max(each[1:]), 2)} for name, each in taken.items()}  # fmt: skip


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--out", type=Path, required=True)
    options.add_argument("--faces", type=int, default=400)
    options.add_argument("--each", type=int, default=40)
    options.add_argument("--epochs", type=int, default=4)
    given = options.parse_args()
    torch.set_num_threads(1)

    def say(line: str) -> None:
        sys.stderr.write(f"{line}\n")

    whole = Pool.read(given.data, each=given.each)
    chosen = np.random.default_rng(0).permutation(len(whole.train))[: given.faces]
    pool = replace(whole, train=whole.train[chosen])
    fakes = sum(len(crops) for crops in pool.fakes.values())
    say(f"{len(pool.train)} faces train, {len(pool.select)} genuine and {fakes} fakes judge")
    ours = muflow(pool, given.epochs, given.out.with_suffix(".run"), say)
    scores: dict[str, Callable[[np.ndarray], Any]] = {"µFlow": lambda crops: ours.score(crops).total}
    scores["anomalib PaDiM"] = scorer(padim(pool.train))
    scores["anomalib FastFlow"] = scorer(fastflow(pool.train, given.epochs, say))
    result: dict[str, Any] = {"train": len(pool.train), "epochs": given.epochs}
    result["images a second"] = paces(scores, pool.select)
    for name, score in scores.items():
        result[name] = judged(score, pool)
        say(f"{name}: {result[name]['one_sided']} one-sided, {result[name]['folded']} folded")
    given.out.write_text(json.dumps(result, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
