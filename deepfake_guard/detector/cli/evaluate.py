"""`evaluate`: AUC and false alarms on the test splits; each opening is written down."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from deepfake_guard.detector import manifest
from deepfake_guard.detector.cli import output, parser
from deepfake_guard.detector.training.extra import needs

if TYPE_CHECKING:
    from deepfake_guard.detector.training.evaluate import Evaluation
    from deepfake_guard.detector.weights import Artefact

EXAMPLES = [
    'evaluate --data DATA --reason "first look" --json > figures.json',
    'evaluate --data DATA --reason "release" --refit swap=artifacts/no-swap --scores scores.jsonl',
    'evaluate --data DATA --reason "release" --html report.html --robustness --buckets --baselines --json > it.json',
    'evaluate --data DATA --track low --artefact artifacts/low --reason "uniformity" --json > low.json',
]


def add(parts: parser.Parts) -> None:
    """The options of `evaluate`."""
    what = "measure an artefact on test splits; openings are written down"
    made = parser.command(parts, "evaluate", what, run, EXAMPLES)
    made.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.takes_track(made, "low: faces stored at 112 px, each judged as an upload of that size")
    made.add_argument("--reason", required=True, help="why the test splits are opened")
    made.add_argument("--openings", type=Path, default=Path("docs/test-openings.md"), metavar="FILE")
    made.add_argument(
        "--refit",
        action="append",
        default=[],
        metavar="FAMILY=DIR",
        help="an artefact of the same recipe that never saw that family; may be given for each family",
    )
    made.add_argument("--scores", type=Path, metavar="FILE", help="keeps every scored face: a second run scores none")
    made.add_argument("--html", type=Path, metavar="FILE", help="one self-contained report; it shows faces: keep it")
    made.add_argument("--robustness", action="store_true", help="also wear 600 faces down, each in many ways")
    made.add_argument(
        "--buckets",
        action="store_true",
        help="also genuine faces under the conditions of each calibrated bucket (1,000 faces in 19: 6 minutes)",
    )
    made.add_argument("--baselines", action="store_true", help="also supervised trees and the published rules")
    made.add_argument(
        "--write-metrics", action="store_true", help="also put the headline, with n and date, into the manifest"
    )
    parser.takes_json(made, "all figures; without it the headline alone")
    parser.takes_artefact(made)
    parser.takes_device(made)


def run(options: argparse.Namespace) -> int:
    """Score the test splits and compare."""
    folders = parser.by_family(options.refit, "--refit")
    _fitting(options)
    if options.html is not None:  # now, since it is written last
        options.html.parent.mkdir(parents=True, exist_ok=True)
    needs("scipy", "sklearn", *(("lightgbm", "shap") if options.baselines else ()))
    from deepfake_guard.detector import weights  # here: they import torch
    from deepfake_guard.detector.training.evaluate import evaluate
    from deepfake_guard.detector.training.evaluation_splits import Splits

    if options.baselines:
        from deepfake_guard.detector.training import baselines

        baselines.have(options.data)
    refits = {family: weights.load(folder, options.device) for family, folder in folders.items()}
    artefact = weights.load(options.artefact, options.device)
    with output.at_work("scoring the test splits"):
        measured = evaluate(
            artefact,
            options.data,
            openings=options.openings,
            reason=options.reason,
            refits=refits,
            splits=Splits(track=options.track),
            scores=options.scores,
            pictures=options.html is not None,
            say=output.say,
        )
        extras = _worn(artefact, options) if options.robustness else {}
        if options.buckets:
            extras |= _by_bucket(artefact, options)
        if options.baselines:
            extras |= _baselines(artefact, measured, options)
        if options.write_metrics:
            _write_metrics(manifest.located(options.artefact), measured)
        if options.html is not None:
            from deepfake_guard.detector import report

            report.write(options.html, measured, extras)
    if options.json:
        output.document({**measured.figures, **extras})
    else:
        output.tables(*_headline(measured.figures))
    return 0


HQ_ALONE = {
    "robustness": "a face of 112 px halved is smaller than what the detector scores",
    "baselines": "their trees would learn from sources of that track, which the detector never saw",
    "write_metrics": "the headline of a manifest is that of the hq track",
}


def _fitting(options: argparse.Namespace) -> None:
    """Raises WrongUsage for what only the hq track has."""
    for name, why in HQ_ALONE.items():
        if options.track != "hq" and getattr(options, name):
            raise parser.WrongUsage(f"--{name.replace('_', '-')} does not go with --track {options.track}: {why}")


def _write_metrics(folder: Path, found: Evaluation) -> None:
    """No identity changes by it: the manifest vouches for the other files, and none of them for it."""
    from deepfake_guard.detector.training.evaluation_passport import measured

    passport = manifest.read(folder)
    metrics = {**passport.metrics, manifest.MEASURED: measured(found.figures)}
    manifest.write(folder, replace(passport, metrics=metrics))


def _worn(artefact: Artefact, options: argparse.Namespace) -> dict[str, Any]:
    from deepfake_guard.detector.training.robustness import robustness

    worn = robustness(artefact, options.data, openings=options.openings, reason=options.reason, say=output.say)
    return {"robustness": worn}


def _by_bucket(artefact: Artefact, options: argparse.Namespace) -> dict[str, Any]:
    from deepfake_guard.detector.report.reliability import TITLE
    from deepfake_guard.detector.training.evaluation_splits import Splits
    from deepfake_guard.detector.training.reliability import by_bucket

    found = by_bucket(
        artefact,
        options.data,
        openings=options.openings,
        reason=options.reason,
        splits=Splits(track=options.track),
        scores=options.scores,
        say=output.say,
    )
    return {TITLE: found}


def _baselines(artefact: Artefact, measured: Evaluation, options: argparse.Namespace) -> dict[str, Any]:
    from deepfake_guard.detector.training import baselines
    from deepfake_guard.detector.training.evaluation_splits import TESTS

    supervised = baselines.supervised(
        artefact.model.pooled,
        [shape[0] for shape in artefact.model.shapes],
        options.data,
        artefact=artefact.manifest.detector_id,
        openings=options.openings,
        reason=options.reason,
        kept=options.scores and options.scores.with_suffix(".features.npz"),
        say=output.say,
    )
    rules = baselines.published_rules(measured, TESTS.select)
    return {"baselines": supervised, "published rules": rules}


def _headline(figures: dict[str, Any]) -> tuple[Table, Table]:
    """The areas, and beside them how often genuine faces of sources that nothing was trained on are accused."""
    from deepfake_guard.detector.training.evaluation_passport import measured

    found = measured(figures)
    areas = Table("macro average", "AUC", "95 %", "collections", "genuine faces")
    for name in figures["macro"]:
        one = found["areas"].get(name)
        said = ["–"] * 4
        if one is not None:
            said = [f"{one['auc']:.3f}", _span(one["interval"]), str(one["collections"]), str(one["genuine"])]
        areas.add_row(name.replace("_", " "), *said)
    alarms = Table("false alarms on untrained sources", "share", "95 %", "faces")
    for level, one in found["false_alarms"].items():
        alarms.add_row(level.replace("<=", " ≤ "), f"{one['rate']:.3f}", _span(one["interval"]), str(one["n"]))
    return areas, alarms


def _span(interval: Sequence[float]) -> str:
    return "–".join(f"{end:.3f}" for end in interval)
