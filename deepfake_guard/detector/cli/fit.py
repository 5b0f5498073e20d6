"""`fit`: genuine faces → a detector artefact. From crops with an index, or from a folder of a host's own photos."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from deepfake_guard.detector import faces
from deepfake_guard.detector.cli import output, parser
from deepfake_guard.detector.explain.words import of_heads
from deepfake_guard.detector.manifest import Manifest, located
from deepfake_guard.detector.training.extra import needs

OF_PHOTOS = ("quick", "adapt", "artefact", "faces")
OF_CROPS = ("variant", "muflow_of", "tuned", "alteration", "fold", "only", "bucket", "shadow", "starter")
SHADOWS = (
    "residual",
    "sensitivity",
    "neighbours_cosine",
    "tuned_mahalanobis",
    "tuned_neighbours",
)  # as `training.fit_signals`, which imports too much for --help
EXAMPLES = [
    "fit --data DATA --out artifacts/mine",
    "fit --data DATA --tuned runs/all --fold gan=runs/no-gan --fold swap=runs/no-swap --out artifacts/whole",
    "fit --data DATA --muflow-of BEFORE --tuned runs/more --alteration BEFORE --out artifacts/next",
    "fit --data DATA --variant published.toml --out artifacts/published",
    "fit --reals ~/photos/genuine --out artifacts/mine",
    "fit --reals ~/photos/genuine --quick --out artifacts/mine   # as calibrate",
    "fit --reals ~/photos/genuine --adapt muflow --out artifacts/mine",
]


def add(parts: parser.Parts) -> None:
    """The options of `fit`."""
    wrong = "the photos do not suffice (it says what is missing), or a folder or an artefact is wrong"
    made = parser.command(parts, "fit", "fit a detector on genuine faces; resumable", run, EXAMPLES, wrong)
    source = made.add_mutually_exclusive_group(required=True)
    source.add_argument("--data", type=Path, metavar="DIR", help="face crops with an index.csv")
    source.add_argument("--reals", type=Path, metavar="DIR", help="your own genuine photos: JPEG, PNG, WebP, any size")
    made.add_argument("--out", type=Path, required=True, metavar="DIR")
    made.add_argument("--run", dest="state", type=Path, metavar="DIR", help="where training keeps its state")
    _of_photos(made.add_argument_group("with --reals"))
    _of_crops(made.add_argument_group("with --data"))
    parser.takes_device(made)
    parser.takes_json(made, "the manifest of what was written")


def _of_photos(photos: argparse._ArgumentGroup) -> None:
    how = photos.add_mutually_exclusive_group()
    how.add_argument("--quick", action="store_true", help="calibrate the artefact anew, train nothing")
    how.add_argument(
        "--adapt",
        choices=["muflow"],
        help="train µFlow on even where it has no weight in what decides; with the shipped weights that changes the"
        " signals shown beside and no p-value that decides",
    )
    parser.takes_faces(photos)
    parser.takes_artefact(photos)


def _of_crops(crops: argparse._ArgumentGroup) -> None:
    crops.add_argument(
        "--variant",
        type=Path,
        metavar="FILE",
        help="TOML: another backbone, pooling, objective, mixture, patches, precision, schedule (docs/detector.md)",
    )
    crops.add_argument(
        "--tuned",
        type=located,
        metavar="RUN",
        help="a run of `tune`: its network becomes the head; or an artefact, its head",
    )
    crops.add_argument(
        "--alteration",
        type=located,
        metavar="RUN",
        help="a run of `tune --pseudo-only`: it becomes a one-class signal; or an artefact, its signal",
    )
    crops.add_argument(
        "--fold",
        action="append",
        default=[],
        metavar="FAMILY=RUN",
        help="a run that never saw that family; what fuses all signals is chosen on such runs",
    )
    crops.add_argument("--muflow-of", type=located, metavar="DIR", help="take the µFlow of that artefact, train none")
    crops.add_argument(
        "--only", action="append", default=[], metavar="COLLECTION", help="genuine faces of this collection alone"
    )
    crops.add_argument(
        "--bucket",
        action="append",
        default=[],
        metavar="KEY",
        help="calibrate this bucket (any/200, jpeg90/112 …) and the root alone, which is all that a refit needs",
    )
    crops.add_argument(
        "--shadow",
        action="append",
        default=[],
        choices=SHADOWS,
        help="put this signal into the artefact as well: scored, calibrated and shown, and it decides nothing;"
        " those on tuned features need --tuned",
    )
    crops.add_argument("--starter", action="store_true", help="mark the result as starter weights")


def run(options: argparse.Namespace) -> int:
    """Fit; a run that was stopped goes on."""
    _fitting(options)
    with output.at_work("fitting; a stopped run goes on where it was"):
        if options.reals:
            made = from_photos(options, quick=options.quick, adapt=bool(options.adapt))
        else:
            made = _from_crops(options)
    tell(made, options)
    return 0


def _fitting(options: argparse.Namespace) -> None:
    """Raises WrongUsage for an option of the other road: none is ignored."""
    road, others = ("--reals", OF_CROPS) if options.reals else ("--data", OF_PHOTOS)
    if given := [f"--{name.replace('_', '-')}" for name in others if getattr(options, name)]:
        raise parser.WrongUsage(f"{', '.join(given)} does not go with {road}")


def from_photos(options: argparse.Namespace, *, quick: bool, adapt: bool = False) -> Manifest:
    """The host's own road, whole or quick."""
    from deepfake_guard.detector.training.reals_fit import fit_reals  # here: it imports torch

    return fit_reals(
        options.reals,
        options.out,
        quick=quick,
        adapt=adapt,
        artefact=options.artefact,
        run=options.state,
        device=options.device,
        say=output.say,
        finder=faces.choose(options.faces),
    )


def _from_crops(options: argparse.Namespace) -> Manifest:
    folds = parser.by_family(options.fold, "--fold")
    if options.variant and options.muflow_of:
        raise parser.WrongUsage("--variant trains a µFlow, --muflow-of takes one: not both")
    if not options.tuned and (tuned := [name for name in options.shadow if of_heads(name)]):
        raise parser.WrongUsage(f"--shadow {tuned[0]} reads the features of a tuned head: give --tuned")
    needs(*(() if options.muflow_of else ("matplotlib",)), *(("sklearn",) if options.tuned else ()))
    from deepfake_guard.detector.training import variant  # here: they import torch
    from deepfake_guard.detector.training.fit import Recipe, main_fit

    chosen = variant.read(options.variant) if options.variant else variant.Variant()
    needs(*(("sklearn",) if chosen.components > 1 else ()))
    recipe = Recipe(
        chosen,
        muflow=options.muflow_of,
        tuned=options.tuned,
        alteration=options.alteration,
        folds=folds,
        only=tuple(options.only),
        buckets=_buckets(options.bucket),
        starter=options.starter,
        shadows=tuple(dict.fromkeys(options.shadow)),
    )
    return main_fit(options.data, options.out, recipe, run=options.state, device=options.device, say=output.say)


def _buckets(given: list[str]) -> tuple[str, ...]:
    from deepfake_guard.detector.calibration import BUCKETS

    if unknown := sorted(set(given) - set(BUCKETS)):
        raise parser.WrongUsage(f"--bucket takes one of {', '.join(BUCKETS)}, got {', '.join(unknown)}")
    return tuple(given) or tuple(BUCKETS)


def tell(made: Manifest, options: argparse.Namespace) -> None:
    """What was written, and where."""
    if options.json:
        output.document(asdict(made))
    else:
        output.line(f"{made.detector_id}, calibrated as {made.calibration_id}, written to {options.out}")
