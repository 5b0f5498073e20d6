"""The detector, loaded where a command needs it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from deepfake_guard.detector import faces
from deepfake_guard.detector.cli import output
from deepfake_guard.detector.training.extra import needs

if TYPE_CHECKING:
    from deepfake_guard.detector.pipeline import Detector

MUFLOW = "muflow"


@contextmanager
def detector(options: argparse.Namespace) -> Iterator[Detector]:
    """Warmed up; its decoding child ends with the block. Raises ArtefactError, DeviceError, WrongFile, ImportError."""
    needs("torch", "timm", extra="worker")  # `score --server` alone does without
    with output.at_work("loading the detector"):  # torch is imported here, so that --help stays quick
        from deepfake_guard.detector import weights
        from deepfake_guard.detector.pipeline import Detector

        artefact = weights.load(options.artefact, options.device)
        if options.signals == MUFLOW:
            alone = artefact.ensemble.alone(), artefact.calibration.alone(MUFLOW)
            artefact = replace(artefact, ensemble=alone[0], calibration=alone[1])
        loaded = Detector(artefact, faces.choose(options.faces))
        loaded.warm_up()
    with closing(loaded):
        yield loaded
