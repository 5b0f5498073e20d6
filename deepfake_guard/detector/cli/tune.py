"""`tune`: a copy of EfficientNet-lite0 learns known generators, or pseudo-fakes alone."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence, Sized
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from deepfake_guard.detector.cli import output, parser
from deepfake_guard.detector.training import crops
from deepfake_guard.detector.training.crops import FAMILIES

if TYPE_CHECKING:
    from deepfake_guard.detector.features.tuned import TunedBackbone
    from deepfake_guard.detector.training.tune_batches import Lessons, Plan, Pupil

EXAMPLES = [
    "tune --data DATA --run runs/all",
    "tune --data DATA --run runs/all --folds --hold-back 5 --device cuda --batch 256 --faces 1000000",
    "tune --data DATA --run runs/no-swap --leave-out swap --faces 20000",
    "tune --data DATA --run runs/pseudo --pseudo-only --faces 64000",
]


def add(parts: parser.Parts) -> None:
    """The options of `tune`."""
    what = "tune a copy of EfficientNet-lite0 on known generators; resumable"
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
    _what_is_kept(made)
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
    made.add_argument(
        "--still",
        type=int,
        default=0,
        metavar="N",
        help="leave the stem and the first N of 7 blocks (5 with --pseudo-only) as they are: with 2 1.5 times as fast,"
        " and finds less",
    )
    made.add_argument("--seed", type=int, default=0)
    parser.takes_device(made)
    parser.takes_json(made)


def _what_is_kept(made: argparse.ArgumentParser) -> None:
    """What the head, or one beside it, never sees."""
    left = made.add_mutually_exclusive_group()
    left.add_argument(
        "--leave-out", choices=FAMILIES, metavar="FAMILY", help="a family that is not learnt from (refits)"
    )
    left.add_argument(
        "--pseudo-only",
        action="store_true",
        help="genuine faces and copies altered from them, no generator: up to stride 16, for `fit --alteration`",
    )
    made.add_argument(
        "--folds",
        action="store_true",
        help="beside it a head without each family, from the same faces, in RUN/without-FAMILY (for `fit --fold`)",
    )
    made.add_argument(
        "--hold-back",
        type=int,
        default=0,
        metavar="N",
        help="beside it a head that never sees every Nth fake, in RUN/held-back: what it says of them is no memory",
    )


def run(options: argparse.Namespace) -> int:
    """Tune; goes on where a run was stopped."""
    plan = _plan(options)
    from deepfake_guard.detector import device  # here: they import torch
    from deepfake_guard.detector.training import side_by_side, tune, tune_state
    from deepfake_guard.detector.training.lessons import lessons

    target = device.choose(options.device)
    loaders = options.loaders if options.loaders is not None else _loaders(target.type)
    with output.at_work("tuning; a stopped run goes on where it was"):
        learnt = lessons(options.data, leave_out=options.leave_out, pseudo_only=options.pseudo_only, only=options.only)
        if options.start:
            learnt = replace(learnt, sets={**learnt.sets, "": tune_state.learnt(options.start)})
        output.say(
            f"genuine: {_counts(learnt.genuine)}; fakes: {_counts(learnt.fakes) or 'made from genuine faces alone'}"
        )
        pupils = side_by_side.pupils(learnt, folds=options.folds, every=options.hold_back)
        beside = crops.index(options.data, "select-real") if len(pupils) > 1 else []  # before hours of learning
        models = {pupil: _model(options, pupil.classes(learnt)) for pupil in pupils}
        standing = tune.tune(models, learnt, plan, options.state, target, output.say, loaders=loaders)
        judged = _judged(models, learnt, beside, options)
    whole = standing[side_by_side.WHOLE]
    if options.json:
        output.document({"run": str(options.state), "steps": whole.step, "seconds": whole.seconds,
                         "classes": learnt.classes(), "curve": whole.curve, "left_out": judged})  # fmt: skip
        return 0
    if judged:
        output.tables(_table(judged))
    output.line(f"{whole.step} steps of {plan.batch} faces; weights in {options.state / tune_state.STATE}")
    return 0


def _plan(options: argparse.Namespace) -> Plan:
    from deepfake_guard.detector.features.lite0_net import REACHED  # here: they import torch
    from deepfake_guard.detector.signals.alteration import STAGES
    from deepfake_guard.detector.training.tune_batches import Plan

    if (options.loaders or 0) < 0:
        raise parser.WrongUsage("--loaders is 0 or more")
    if options.hold_back < 0 or options.hold_back == 1:
        raise parser.WrongUsage("--hold-back is 2 or more: 5 keeps every fifth fake from a head beside")
    if options.pseudo_only and (options.folds or options.hold_back):
        raise parser.WrongUsage("--pseudo-only knows no fakes that could be left out or held back")
    if options.pseudo_only and options.still > (most := REACHED[STAGES[-1]] + 1):
        raise parser.WrongUsage(f"--pseudo-only has {most} blocks, of which --still leaves some as they are")
    if options.start and options.hold_back:
        raise parser.WrongUsage(
            "--hold-back keeps fakes from a head, and nobody knows whether the run of --start saw them"
        )
    if options.leave_out and options.folds:
        raise parser.WrongUsage("--folds leaves out every family by itself, --leave-out one: not both")
    try:
        plan = Plan(options.faces, options.batch, still=options.still, seed=options.seed)
    except ValueError as error:
        raise parser.WrongUsage(str(error)) from error
    return replace(plan, lr=Plan.rate(plan.batch))


def _judged(
    models: Mapping[Pupil, TunedBackbone], learnt: Lessons, select: Sequence[crops.Crop], options: argparse.Namespace
) -> dict[str, Any]:
    """What each head that something was kept from says of that, by the head's name; also in the run's folder."""
    from deepfake_guard.detector.training import side_by_side
    from deepfake_guard.detector.training.run_state import write_document

    beside = {pupil: model for pupil, model in models.items() if pupil.name}
    if not beside:
        return {}
    output.say("judging each head by what was kept from it")
    genuine = crops.load(options.data, select)
    found = {
        pupil.name: side_by_side.entries(side_by_side.left_out(model, pupil, learnt, genuine))
        for pupil, model in beside.items()
    }
    write_document(options.state / "left-out.json", found)
    return found


def _table(judged: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Table:
    table = Table("head", "kept from it", "n", "AUC", "95 %")
    for head, generators in judged.items():
        for name, entry in generators.items():
            low, high = entry["interval"]
            table.add_row(head, name, str(entry["n"]), f"{entry['auc']:.2f}", f"{low:.2f}–{high:.2f}")
    return table


def _model(options: argparse.Namespace, classes: Sequence[str]) -> TunedBackbone:
    from deepfake_guard.detector.features.tuned import STAGES, TunedBackbone
    from deepfake_guard.detector.signals import alteration
    from deepfake_guard.detector.training.tune_state import begin_from, trained

    stages = alteration.STAGES if options.pseudo_only else STAGES
    if options.start is None:
        return TunedBackbone.imagenet(classes, options.seed, stages)
    return begin_from(trained(options.start), classes, stages)


def _loaders(kind: str) -> int:
    """An accelerator learns faster than one process can degrade faces for it: 16 cores feed about 1,000 a second."""
    return 1 if kind == "cpu" else max(1, (os.cpu_count() or 1) - 1)


def _counts(groups: Mapping[str, Sized]) -> str:
    return ", ".join(f"{name} {len(crops)}" for name, crops in groups.items())
