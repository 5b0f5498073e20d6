"""`ablate`: what each part of the method is worth, and what fakes among genuine photos cost; no test split is read."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from rich.table import Table

from deepfake_guard.detector.cli import output, parser
from deepfake_guard.detector.training.extra import needs

EXAMPLES = [
    "ablate --data DATA --out ablations.json",
    "ablate --data DATA --out ablations.json --minutes 20 --html ablations.html",
    "ablate --data DATA --out ablations.json --json | jq '.\"learning curve\"'",
]


def add(parts: parser.Parts) -> None:
    """The options of `ablate`."""
    what = "change one part of the method at a time, and plant fakes among genuine faces; no test split is read"
    made = parser.command(parts, "ablate", what, run, EXAMPLES)
    made.add_argument("--data", type=Path, required=True, metavar="DIR", help="face crops with an index.csv")
    made.add_argument("--out", type=Path, required=True, metavar="FILE", help="JSON, written after each part")
    made.add_argument("--html", type=Path, metavar="FILE", help="one self-contained page with the learning curve")
    made.add_argument(
        "--minutes",
        type=float,
        default=60,
        metavar="N",
        help="no part begins later (default: 60); the last takes 10 GB of memory",
    )
    made.add_argument("--faces", type=int, default=640, metavar="N", help="that train a short flow (default: 640)")
    made.add_argument("--epochs", type=int, default=6, metavar="N", help="of a short flow, at most (default: 6)")
    parser.takes_track(made, "low: faces stored small")
    made.add_argument("--seed", type=int, default=0)
    parser.takes_artefact(made)
    parser.takes_device(made)
    parser.takes_json(made, "all figures, as in --out")


def run(options: argparse.Namespace) -> int:
    """Part after part; a run that was stopped, or ran out of time, goes on."""
    if options.minutes <= 0 or options.faces < 8 or options.epochs < 1:
        raise parser.WrongUsage("--minutes is above 0, --faces at least 8, --epochs at least 1")
    if options.html is not None:
        needs("matplotlib")
        options.html.parent.mkdir(parents=True, exist_ok=True)  # now, since it is written last
    from dataclasses import replace

    from deepfake_guard.detector import weights  # here: they import torch
    from deepfake_guard.detector.training import ablate

    with output.at_work("changing one thing at a time; a stopped run goes on where it was"):
        found = ablate.run(
            options.data,
            options.out,
            artefact=weights.load(options.artefact, options.device),
            minutes=options.minutes,
            plan=replace(ablate.SHORT, epochs=options.epochs, seed=options.seed),
            faces=options.faces,
            track=options.track,
            say=output.say,
        )
        if options.html is not None:
            _page(options.html, found)
    if options.json:
        output.document(found)
    else:
        _tell(found, options.out)
    return 0


def _page(path: Path, found: dict[str, Any]) -> None:
    from deepfake_guard.detector.report import ablations as report
    from deepfake_guard.detector.training.plots import learning_curve

    curve = report.curve(found)
    report.write(path, found, learning_curve(curve) if curve else None)


def _tell(found: dict[str, Any], out: Path) -> None:
    from deepfake_guard.detector.report import ablations as report

    variants = Table(*report.HEAD)
    for row in report.variants(found):
        variants.add_row(*row)
    planted = Table("fakes planted in", "share", "caught", "loss", "false alarms")
    for row in report.planted(found):
        planted.add_row(*row)
    output.tables(variants, planted)
    for line in report.impossible(found):
        output.line(line)
    if found["skipped"]:
        output.line(f"not reached in the time: {', '.join(found['skipped'])}; the same command goes on")
    output.line(f"all figures in {out}")
