"""`bench`: what the detector costs on this machine, beside the published arithmetic and bare backbones."""

from __future__ import annotations

import argparse

from deepfake_guard.detector.cli import output, parser
from deepfake_guard.detector.training.extra import needs

EXAMPLES = ["bench", "bench --rounds 3 --photos 8 --json | jq .ratios", "bench --device cuda"]


def add(parts: parser.Parts) -> None:
    """The options of `bench`."""
    what = "time the detector on this machine, side by side in one process; under five minutes, on a machine at rest"
    made = parser.command(parts, "bench", what, run, EXAMPLES, "the artefact is wrong")
    made.add_argument("--rounds", type=int, default=5, metavar="N", help="alternating rounds (default: 5)")
    made.add_argument("--photos", type=int, default=24, metavar="N", help="photographs of a megapixel (default: 24)")
    made.add_argument(
        "--budget", type=float, default=240.0, metavar="SECONDS", help="what does not fit is left out (default: 240)"
    )
    parser.takes_faces(made)
    parser.takes_artefact(made)
    parser.takes_device(made, "cpu")
    parser.takes_json(made)


def run(options: argparse.Namespace) -> int:
    """Measure and print: Markdown, or the whole document with --json."""
    if options.rounds < 1 or options.photos < 1 or options.budget <= 0:
        raise parser.WrongUsage("--rounds and --photos are at least 1, --budget is positive")
    needs("skimage", extra="run")
    from deepfake_guard.detector import bench, device  # here: they import torch

    target = device.choose(options.device)
    batches = bench.BATCHES if target.type == "cpu" else bench.ACCELERATED
    plan = bench.Plan(options.rounds, batches, photos=options.photos, budget=options.budget)
    with output.bar("measuring", plan.parts()) as progress:
        began: list[str] = []

        def say(line: str) -> None:
            output.advance(progress, 1 if began else 0)
            began.append(line)
            output.say(line)

        measured = bench.run(plan, artefact=options.artefact, face_finder=options.faces, device=target, say=say)
        output.advance(progress, 1)
    if options.json:
        output.document(measured)
    else:
        for line in bench.lines(measured):
            output.line(line)
    return 0
