"""`calibrate`: an artefact's p-values from a host's own genuine photos; nothing is trained."""

from __future__ import annotations

import argparse
from pathlib import Path

from deepfake_guard.detector.cli import fit, output, parser

EXAMPLES = [
    "calibrate --reals ~/photos/genuine --out artifacts/mine",
    "calibrate --reals ~/photos/genuine --artefact artifacts/other --out artifacts/mine --json",
]


def add(parts: parser.Parts) -> None:
    """The options of `calibrate`."""
    what = "calibrate an artefact anew on your own genuine photos (minutes); the same as fit --reals --quick"
    wrong = "fewer than 200 faces were found (it says what is missing), or a folder or an artefact is wrong"
    made = parser.command(parts, "calibrate", what, run, EXAMPLES, wrong)
    made.add_argument(
        "--reals", type=Path, required=True, metavar="DIR", help="genuine photos: JPEG, PNG, WebP, any size"
    )
    made.add_argument("--out", type=Path, required=True, metavar="DIR")
    made.add_argument("--run", dest="state", type=Path, metavar="DIR", help="where crops found so far are kept")
    parser.takes_faces(made)
    parser.takes_artefact(made)
    parser.takes_device(made)
    parser.takes_json(made, "the manifest of what was written")


def run(options: argparse.Namespace) -> int:
    """Calibrate; a run that was stopped goes on."""
    with output.at_work("calibrating; a stopped run goes on where it was"):
        made = fit.from_photos(options, quick=True)
    fit.tell(made, options)
    return 0
