"""A small artefact with random weights, complete in every file: enough for tests that need no meaning."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from deepfake_guard.detector import weights
from deepfake_guard.detector.calibration import MIN_FACES, ROOT, Calibration, Fusion, HeatRange
from deepfake_guard.detector.ensemble import MUFLOW, Ensemble
from deepfake_guard.detector.features import Backbone, shapes
from deepfake_guard.detector.gaussian import Gaussian, pooled_width
from deepfake_guard.detector.manifest import FaceSet, Manifest
from deepfake_guard.detector.pipeline import Detector
from deepfake_guard.detector.signals.base import Seen
from deepfake_guard.detector.signals.mahalanobis import Mahalanobis
from deepfake_guard.detector.signals.muflow import MuFlow, Settings


def passport() -> Manifest:
    """What `weights.save` completes."""
    sets = (FaceSet("noise", "calibrate", 40, "none needed"),)
    return Manifest(
        detector_id="", calibration_id="", created="2026-01-01T00:00:00+00:00", code_version="0", backbone="",
        input_px=0, stages=(), shapes=(), steps=0, seed=0, pooling="", objective="", dtype="", files={}, sets=sets,
        notes="random weights, for tests",
    )  # fmt: skip


def random_model(settings: Settings, seed: int = 0) -> MuFlow:
    """Random backbone, random Gaussians, flows as they start."""
    generator = torch.Generator().manual_seed(seed)
    widths = [pooled_width(shape, settings.pooling) for shape in shapes(settings.input_px)]
    gaussians = [Gaussian.fit(torch.randn(50, width, generator=generator)) for width in widths]
    return MuFlow(Backbone.random(seed), gaussians, settings).eval()


def counted(crops: np.ndarray, buckets: Sequence[str]) -> Detector:
    """A detector with random weights and made-up counts, another scale in each bucket beside the root, that fit the
    scores of crops uint8 [n, s, s, 3]; to be closed."""
    model = random_model(Settings(input_px=64, steps=2, pooling="mean", objective="density"))
    spread = model.score(crops).total
    rng = np.random.default_rng(0)
    raw = {
        key: {MUFLOW: rng.normal(spread.mean() + at, spread.std(), MIN_FACES)}
        for at, key in enumerate((ROOT, *buckets))
    }
    calibration = Calibration.fit(raw, raw, HeatRange(1.0, 4.0))
    return Detector(weights.Artefact(passport(), Ensemble(model), calibration, model.device))


def noise_crops(count: int, seed: int = 0) -> np.ndarray:
    """uint8 [count, 224, 224, 3]."""
    return np.random.default_rng(seed).integers(0, 256, (count, 224, 224, 3), dtype=np.uint8)


def jacobian_of(function: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """The square Jacobian of a map at x by autograd, both flattened: the oracle of log-determinants."""
    jacobian: torch.Tensor = torch.autograd.functional.jacobian(function, x)  # type: ignore[no-untyped-call]
    return jacobian.reshape(x.numel(), x.numel())


@pytest.fixture(scope="module")
def artefact(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where one lies, as a command is told."""
    folder = tmp_path_factory.mktemp("artefact")
    tiny_artefact(folder)
    return str(folder)


def tiny_artefact(folder: Path, decides: str = MUFLOW) -> weights.Artefact:
    """Save and load one into `folder`: 64 px input, 2 steps, calibrated on 40 pictures of noise.

    decides: "muflow" alone, or "mahalanobis" beside it.
    """
    model = random_model(Settings(input_px=64, steps=2, pooling="mean", objective="density"))
    crops = noise_crops(60)
    seen = Seen(crops, model.pooled(crops))
    ensemble = Ensemble(model, () if decides == MUFLOW else (Mahalanobis.fit(seen, rank=4),))
    raw = ensemble.score(crops).scores
    chosen, counted = (
        {ROOT: {name: scores[part] for name, scores in raw.items()}} for part in (slice(20), slice(20, 60))
    )
    fusion = Fusion("sum", {decides: 1.0})
    weights.save(
        folder, ensemble, Calibration.fit(chosen, counted, HeatRange(1.0, 4.0), fusion=fusion), passport(), "random"
    )
    return weights.load(folder, device="cpu")
