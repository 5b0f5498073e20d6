"""`calibrate`: an artefact's p-values from genuine faces, a host's own photos or an index's; nothing is trained."""

from __future__ import annotations

import argparse
from pathlib import Path

from deepfake_guard.detector.cli import fit, output, parser
from deepfake_guard.detector.manifest import Manifest

EXAMPLES = [
    "calibrate --reals ~/photos/genuine --out artifacts/mine",
    "calibrate --reals ~/photos/genuine --artefact artifacts/other --out artifacts/mine --json",
    "calibrate --data DATA --track low --out artifacts/low   # to measure small faces with",
]


def add(parts: parser.Parts) -> None:
    """The options of `calibrate`."""
    what = "calibrate an artefact anew on genuine photos of yours (minutes; as fit --reals --quick) or of an index"
    wrong = "fewer than 200 faces were found (it says what is missing), or a folder or an artefact is wrong"
    made = parser.command(parts, "calibrate", what, run, EXAMPLES, wrong)
    source = made.add_mutually_exclusive_group(required=True)
    source.add_argument("--reals", type=Path, metavar="DIR", help="genuine photos: JPEG, PNG, WebP, any size")
    source.add_argument(
        "--data", type=Path, metavar="DIR", help="face crops with an index.csv: its select-real and calib-real"
    )
    parser.takes_track(made, "with --data", default=None)
    made.add_argument("--out", type=Path, required=True, metavar="DIR")
    made.add_argument("--run", dest="state", type=Path, metavar="DIR", help="where crops or scores so far are kept")
    parser.takes_faces(made)
    parser.takes_artefact(made)
    parser.takes_device(made)
    parser.takes_json(made, "the manifest of what was written")


def run(options: argparse.Namespace) -> int:
    """Calibrate; a run that was stopped goes on."""
    if options.reals and options.track:
        raise parser.WrongUsage("--track does not go with --reals")
    if options.data and options.faces:
        raise parser.WrongUsage("--faces does not go with --data: its faces are cut already")
    with output.at_work("calibrating; a stopped run goes on where it was"):
        made = fit.from_photos(options, quick=True) if options.reals else _from_crops(options)
    fit.tell(made, options)
    return 0


def _from_crops(options: argparse.Namespace) -> Manifest:
    from deepfake_guard.detector.training.calibrate_index import calibrate_index  # here: it imports torch

    return calibrate_index(
        options.data,
        options.out,
        track=options.track or "hq",
        artefact=options.artefact,
        run=options.state,
        device=options.device,
        say=output.say,
    )
