"""`tune`: a copy of the backbone learns known generators, or pseudo-fakes alone."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sized
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from deepfake_guard.detector.cli import output, parser
from deepfake_guard.detector.training.crops import FAMILIES

if TYPE_CHECKING:
    from deepfake_guard.detector.heads.tuned import TunedBackbone
    from deepfake_guard.detector.training.tune_batches import Lessons

EXAMPLES = [
    "tune --data DATA --run runs/all",
    "tune --data DATA --run runs/no-swap --leave-out swap --start runs/pseudo --faces 20000",
    "tune --data DATA --run runs/pseudo --pseudo-only --device cuda --batch 128 --faces 400000",
]


def add(parts: parser.Parts) -> None:
    """The options of `tune`."""
    what = "tune a copy of the backbone on known generators; resumable"
    made = parser.command(parts, "tune", what, run, EXAMPLES)
    made.add_argument("--data", type=Path, required=True, metavar="DIR", help="face crops with an index.csv")
    made.add_argument(
        "--run",
        dest="state",
        type=Path,
        required=True,
        metavar="DIR",
        help="weights and curve; a stopped run goes on there",
    )
    left = made.add_mutually_exclusive_group()
    left.add_argument(
        "--leave-out", choices=FAMILIES, metavar="FAMILY", help="a family that is not learnt from (refits)"
    )
    left.add_argument("--pseudo-only", action="store_true", help="genuine faces and fakes made from them, no generator")
    made.add_argument(
        "--start", type=Path, metavar="RUN", help="begin from the weights of that run, not from ImageNet's"
    )
    made.add_argument(
        "--only", action="append", default=[], metavar="COLLECTION", help="genuine faces of this collection alone"
    )
    made.add_argument(
        "--faces", type=int, default=40_000, metavar="N", help="how many faces are seen in all (default: 40,000)"
    )
    made.add_argument(
        "--batch", type=int, default=32, metavar="N", help="faces a step (default: 32); the rate grows with its root"
    )
    made.add_argument(
        "--loaders",
        type=int,
        metavar="N",
        help="processes that degrade faces (default: 1 beside a CPU, which has to learn too; else all cores but one)",
    )
    made.add_argument("--seed", type=int, default=0)
    parser.takes_device(made)
    parser.takes_json(made)


def run(options: argparse.Namespace) -> int:
    """Tune; goes on where a run was stopped."""
    from deepfake_guard.detector import device  # here: they import torch
    from deepfake_guard.detector.training import tune
    from deepfake_guard.detector.training.lessons import lessons
    from deepfake_guard.detector.training.tune_batches import Plan
    from deepfake_guard.detector.training.tune_state import STATE

    try:
        plan = Plan(options.faces, options.batch, seed=options.seed)
    except ValueError as error:
        raise parser.WrongUsage(str(error)) from error
    plan = replace(plan, lr=Plan.rate(plan.batch))
    target = device.choose(options.device)
    if (options.loaders or 0) < 0:
        raise parser.WrongUsage("--loaders is 0 or more")
    loaders = options.loaders if options.loaders is not None else _loaders(target.type)
    with output.at_work("tuning; a stopped run goes on where it was"):
        learnt = lessons(options.data, leave_out=options.leave_out, pseudo_only=options.pseudo_only, only=options.only)
        output.say(
            f"genuine: {_counts(learnt.genuine)}; fakes: {_counts(learnt.fakes) or 'made from genuine faces alone'}"
        )
        standing = tune.tune(_model(options, learnt), learnt, plan, options.state, target, output.say, loaders=loaders)
    if options.json:
        output.document({"run": str(options.state), "steps": standing.step, "seconds": standing.seconds,
                         "classes": learnt.classes(), "curve": standing.curve})  # fmt: skip
    else:
        output.line(f"{standing.step} steps of {plan.batch} faces; weights in {options.state / STATE}")
    return 0


def _model(options: argparse.Namespace, learnt: Lessons) -> TunedBackbone:
    from deepfake_guard.detector.heads.tuned import TunedBackbone
    from deepfake_guard.detector.training.tune_state import begin_from, trained

    if options.start is None:
        return TunedBackbone.imagenet(learnt.classes(), options.seed)
    return begin_from(trained(options.start), learnt.classes())


def _loaders(kind: str) -> int:
    """An accelerator learns faster than one process can degrade faces for it: 16 cores feed about 1,000 a second."""
    return 1 if kind == "cpu" else max(1, (os.cpu_count() or 1) - 1)


def _counts(groups: Mapping[str, Sized]) -> str:
    return ", ".join(f"{name} {len(crops)}" for name, crops in groups.items())
