"""`export`: an artefact's networks as ONNX graphs, for hosts that score without torch."""

from __future__ import annotations

import argparse
from pathlib import Path

from deepfake_guard.detector.cli import output, parser
from deepfake_guard.detector.training.extra import needs

TOLERANCE = 1e-4
EXAMPLES = [
    "export --onnx muflow.onnx",
    "export --onnx head.onnx --part head --artefact artifacts/mine --json",
    "export --onnx alteration.onnx --part alteration",
]


def add(parts: parser.Parts) -> None:
    """The options of `export`."""
    what = "write an ONNX graph; calibration, fusion and p-values stay outside"
    wrong = f"the artefact is wrong or has no such part, or the graph differs from it by more than {TOLERANCE:g}"
    made = parser.command(parts, "export", what, run, EXAMPLES, wrong)
    made.add_argument("--onnx", type=Path, required=True, metavar="FILE")
    made.add_argument("--part", choices=("muflow", "head", "alteration"), default="muflow")
    parser.takes_artefact(made)
    parser.takes_device(made)
    parser.takes_json(made)


def run(options: argparse.Namespace) -> int:
    """Write the graph and hold it to the model."""
    needs("onnx", "onnxruntime", extra="export")
    from deepfake_guard.detector import export, weights  # here: they import torch

    artefact = weights.load(options.artefact, options.device)
    ensemble, crop_px = artefact.ensemble, artefact.manifest.crop_px
    models = {"muflow": ensemble.muflow, "head": ensemble.head, "alteration": ensemble.alteration}
    if (model := models[options.part]) is None:
        raise ValueError(f"the artefact has no {options.part}")
    with output.at_work("exporting"):
        export.export_onnx(model, options.onnx, crop_px)
        difference = export.parity(model, options.onnx, crop_px)
    written = {"file": str(options.onnx), "part": options.part, "largest_difference": difference}
    if options.json:
        output.document(written)
    else:
        output.line(f"{options.onnx} written; it differs from the model by {difference:.1g} at most")
    return 0 if difference <= TOLERANCE else 1
