"""`trial`: false alarms on genuine photos of one source, before and after an artefact of one's own."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from deepfake_guard.detector import faces
from deepfake_guard.detector.cli import output, parser

EXAMPLES = [
    "trial --reals ~/photos/genuine --out var/trial",
    "trial --reals ~/photos/genuine --out var/trial --quick --fit 300 --json | jq .false_alarms",
    "trial --data DATA --collection lfw_deepfunneled__umass --track low --split test-real-ood \\\n"
    '      --reason "own photos, release 1.2" --out var/trial-lfw --json',
]


def add(parts: parser.Parts) -> None:
    """The options of `trial`."""
    what = "fit on some genuine photos of a source, judge the others before and after; resumable"
    wrong = "the photos do not suffice (it says what is missing), or a folder or an artefact is wrong"
    made = parser.command(parts, "trial", what, run, EXAMPLES, wrong)
    source = made.add_mutually_exclusive_group(required=True)
    source.add_argument("--reals", type=Path, metavar="DIR", help="genuine photos: JPEG, PNG, WebP, any size")
    source.add_argument("--data", type=Path, metavar="DIR", help="face crops with an index.csv, taken as photos")
    made.add_argument("--collection", metavar="NAME", help="with --data: which collection")
    made.add_argument("--split", default="test-real-ood", metavar="NAME", help="with --data (default: test-real-ood)")
    parser.takes_track(made, "with --data")
    made.add_argument("--out", type=Path, required=True, metavar="DIR", help="the new artefact, trial.json, and faces")
    made.add_argument("--fit", type=int, default=600, metavar="N", help="photos that make the artefact (default: 600)")
    made.add_argument("--quick", action="store_true", help="make it by recalibration alone, as calibrate does")
    made.add_argument(
        "--calibrating", type=int, default=200, metavar="N", help="photos that recalibrate in a draw (default: 200)"
    )
    made.add_argument("--draws", type=int, default=50, metavar="N", help="seeded draws (default: 50)")
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--reason", default="", help="with a test split: why it is opened")
    made.add_argument("--openings", type=Path, default=Path("docs/test-openings.md"), metavar="FILE")
    parser.takes_faces(made)
    parser.takes_artefact(made)
    parser.takes_device(made)
    parser.takes_json(made, "all figures, as in trial.json")


def run(options: argparse.Namespace) -> int:
    """Deal, fit, judge; a run that was stopped goes on."""
    if (options.data is None) != (options.collection is None):
        raise parser.WrongUsage("--data and --collection go together")
    if options.fit < 1 or options.calibrating < 1 or options.draws < 2:
        raise parser.WrongUsage("--fit and --calibrating are at least 1, --draws at least 2")
    from deepfake_guard.detector.training.reals_trial import Plan, trial  # here: it imports torch

    folder = options.data or options.reals
    with output.at_work("at the trial; a stopped run goes on where it was"):
        found = trial(
            folder,
            _paths(options),
            options.out,
            artefact=options.artefact,
            plan=Plan(options.fit, options.calibrating, options.draws, options.seed),
            quick=options.quick,
            device=options.device,
            finder=faces.choose(options.faces),
            say=output.say,
        )
    if options.json:
        output.document(found)
    else:
        output.tables(_alarms(found), _draws(found))
        output.line(f"{found['minutes']['fit']} minutes to fit; all figures in {options.out / 'trial.json'}")
    return 0


def _paths(options: argparse.Namespace) -> Sequence[Path]:
    """The photos; the opening of a test split is written down before the first is read."""
    from deepfake_guard.detector import manifest
    from deepfake_guard.detector.training import crops, photos
    from deepfake_guard.detector.training.openings import note_opening, noted

    if options.reals is not None:
        if not options.reals.is_dir():
            raise NotADirectoryError(f"{options.reals} is no folder of photos")
        return photos.listed(options.reals, options.out)
    listed = crops.index(options.data, options.split, options.track)
    found = [options.data / crop.path for crop in listed if crop.collection == options.collection]
    if not found:
        raise ValueError(f"{options.split}, {options.track}: there is no collection {options.collection}")
    if any(crop.label != "real" for crop in listed if crop.collection == options.collection):
        raise ValueError(f"{options.collection} is not genuine")
    if options.split.startswith("test-"):
        passport = manifest.read(manifest.located(options.artefact))
        remark = f"({options.collection} alone, split into an artefact that is never shipped)"
        reason = f"{_reason(options.reason)} {remark}"
        if not noted(options.openings, passport.detector_id, reason):
            note_opening(options.openings, passport.detector_id, reason)
    return found


def _reason(given: str) -> str:
    if not given.strip():
        raise parser.WrongUsage("--reason says why a test split is opened")
    return given.strip()


def _alarms(found: dict[str, Any]) -> Table:
    table = Table("false alarms", "before", "after")
    before, after = found["false_alarms"]["before"], found["false_alarms"]["after"]
    for level in (key for key in before if key.startswith("p<=")):
        table.add_row(level, _rate(before[level]), _rate(after[level]))
    return table


def _rate(rate: dict[str, Any]) -> str:
    low, high = rate["interval"]
    return f"{rate['alarms']} of {rate['n']} = {rate['rate']:.3f} ({low:.3f}–{high:.3f})"


def _draws(found: dict[str, Any]) -> Table:
    draws = found["draws"]
    table = Table(f"{draws['draws']} draws of {draws['calibrating']} that recalibrate", "level", "mean", "spread")
    for name in ("recalibrated", "as-they-came"):
        for level, one in draws[name].items():
            table.add_row(name, level, f"{one['mean']:.4f}", f"{one['spread']:.4f}")
    return table
