"""An artefact with every signal and a head scores after loading as it did before it was saved."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from deepfake_guard.detector import weights
from deepfake_guard.detector.calibration import ROOT, Calibration, Fusion, HeatRange
from deepfake_guard.detector.ensemble import GENERATOR, HEAD, LINEAR, MUFLOW, Ensemble
from deepfake_guard.detector.features import Backbone
from deepfake_guard.detector.features.tuned import TunedBackbone
from deepfake_guard.detector.gaussian import Mixture, pooled_width
from deepfake_guard.detector.heads.linear import LinearHead
from deepfake_guard.detector.pipeline import Detector
from deepfake_guard.detector.signals.base import Seen
from deepfake_guard.detector.signals.mahalanobis import Mahalanobis
from deepfake_guard.detector.signals.muflow import MuFlow, Settings
from deepfake_guard.detector.signals.neighbours import Neighbours
from deepfake_guard.detector.signals.part import Part
from deepfake_guard.detector.signals.patches import Patches
from deepfake_guard.detector.signals.residual import Residual
from deepfake_guard.detector.signals.sensitivity import Sensitivity

from .artefacts import noise_crops, passport, random_model

SMALL = Settings(input_px=64, steps=2, pooling="mean", objective="density")


def head() -> TunedBackbone:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        made = TunedBackbone(("genuine", "painter", "sculptor"))
    return made.requires_grad_(False)


@pytest.fixture(scope="module")
def ensemble() -> Ensemble:
    whole = Ensemble(random_model(SMALL), (), head())
    crops = noise_crops(12)
    frozen = whole.muflow.pooled(crops)
    tuned, _ = whole.tuned(crops)
    seen = Seen(crops, frozen, tuned)
    signals = (
        Mahalanobis.fit(seen, Part("tuned"), rank=4),
        Neighbours.fit(seen, k=2, dimensions=4),
        Sensitivity.fit(seen, Part("frozen")),
        Sensitivity.fit(seen, Part("tuned")),
        Residual.fit(seen),
    )
    linear = LinearHead.fit(frozen, ["genuine", "painter", "sculptor"] * 4)
    return Ensemble(whole.muflow, signals, whole.head, linear).bound()


def calibrated(ensemble: Ensemble) -> Calibration:
    raw = ensemble.score(noise_crops(16, seed=3)).scores
    parts = [{ROOT: {name: scores[part] for name, scores in raw.items()}} for part in (slice(0, 8), slice(8, 16))]
    heads = [name for name in raw if name == HEAD or name.startswith(GENERATOR)]
    fusion = Fusion("max", {MUFLOW: 1.0, HEAD: 0.5})
    return Calibration.fit(parts[0], parts[1], HeatRange(1.0, 4.0), heads, fusion)


def counted(raw: np.ndarray) -> Calibration:
    """By µFlow alone: half selects, half is counted."""
    select, genuine = ({ROOT: {MUFLOW: half}} for half in np.split(raw, 2))
    return Calibration.fit(select, genuine, HeatRange(1.0, 4.0))


@pytest.fixture(scope="module")
def artefact(ensemble: Ensemble, tmp_path_factory: pytest.TempPathFactory) -> weights.Artefact:
    folder = tmp_path_factory.mktemp("whole")
    weights.save(folder, ensemble, calibrated(ensemble), passport(), name="whole")
    return weights.load(folder, device="cpu")


def test_every_signal_and_every_generator_has_a_score(ensemble: Ensemble) -> None:
    scores = ensemble.score(noise_crops(3, seed=9)).scores
    assert set(scores) == {
        MUFLOW, HEAD, LINEAR, f"{GENERATOR}painter", f"{GENERATOR}sculptor",
        "tuned_mahalanobis", "neighbours_cosine", "sensitivity", "tuned_sensitivity", "residual",
    }  # fmt: skip
    assert all(values.shape == (3,) and np.isfinite(values).all() for values in scores.values())


def test_the_head_is_asked_without_anything_else(ensemble: Ensemble) -> None:
    crops = noise_crops(2, seed=9)
    alone = ensemble.asked(crops, [HEAD])
    assert MUFLOW not in alone
    np.testing.assert_allclose(alone[HEAD], ensemble.score(crops).scores[HEAD], rtol=1e-5)


def test_it_loads_back_to_the_same_scores(artefact: weights.Artefact, ensemble: Ensemble) -> None:
    crops = noise_crops(2, seed=9)
    before, after = ensemble.score(crops).scores, artefact.ensemble.score(crops).scores
    assert before.keys() == after.keys()
    for name, values in before.items():
        np.testing.assert_allclose(after[name], values, rtol=1e-4, atol=1e-5, err_msg=name)


def test_a_face_is_judged_by_all_and_told_by_name(artefact: weights.Artefact) -> None:
    detector = Detector(artefact)
    try:
        (result,) = detector.score(noise_crops(1, seed=9))
    finally:
        detector.close()
    assert set(result.signals) == {*artefact.calibration.signals, "strange"}
    assert 1 / 9 <= result.p_value <= 1
    assert artefact.manifest.signals["neighbours_cosine"]["kind"] == "neighbours"


def test_no_face_has_no_score(ensemble: Ensemble) -> None:
    raw = ensemble.score(noise_crops(0))
    assert all(values.shape == (0,) for values in raw.scores.values())


def test_muflow_alone_scores_as_among_others(ensemble: Ensemble) -> None:
    crops = noise_crops(2, seed=9)
    alone = ensemble.alone().score(crops).scores
    assert set(alone) == {MUFLOW}
    np.testing.assert_allclose(alone[MUFLOW], ensemble.score(crops).scores[MUFLOW], rtol=1e-6)


def test_more_faces_than_a_batch_score_as_each_does(ensemble: Ensemble) -> None:
    crops = noise_crops(33, seed=4)
    alone = Ensemble(ensemble.muflow).score(crops[-1:]).scores[MUFLOW]
    np.testing.assert_allclose(Ensemble(ensemble.muflow).score(crops).scores[MUFLOW][-1:], alone, rtol=1e-4)


@pytest.mark.parametrize(
    "changed",
    [
        {"kernels": "3"},
        {"hidden": 0.5},
        {"clamp": 1.0},
        {"layer_norm": False},
        {"global_affine": False},
        {"permute": False},
        {"patches": Patches(count=3, top=2)},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_every_switch_survives_saving(changed: dict[str, object], tmp_path: Path) -> None:
    objective = "published" if "layer_norm" in changed else SMALL.objective
    model = random_model(replace(SMALL, objective=objective, **changed))  # type: ignore[arg-type]
    with torch.no_grad():
        for parameter in model.layers.parameters():
            parameter.add_(0.05)
    ensemble = Ensemble(model)
    raw = ensemble.score(noise_crops(8)).scores
    weights.save(tmp_path, ensemble, counted(raw[MUFLOW]), passport())
    again = weights.load(tmp_path, device="cpu")
    assert again.model.settings == model.settings
    np.testing.assert_allclose(again.ensemble.score(noise_crops(8)).scores[MUFLOW], raw[MUFLOW], rtol=1e-5)


def test_a_mixture_survives_saving(tmp_path: Path) -> None:
    settings = replace(SMALL, objective="published")
    backbone = Backbone.random(0)
    generator = torch.Generator().manual_seed(0)
    widths = [pooled_width(shape, "mean") for shape in backbone.shapes(64)]
    mixtures = [Mixture.fit(torch.randn(60, width, generator=generator), 2) for width in widths]
    ensemble = Ensemble(MuFlow(backbone, mixtures, settings).eval().requires_grad_(False))
    raw = ensemble.score(noise_crops(8)).scores[MUFLOW]
    weights.save(tmp_path, ensemble, counted(raw), passport())
    loaded = weights.load(tmp_path, device="cpu").ensemble.score(noise_crops(8)).scores[MUFLOW]
    np.testing.assert_allclose(loaded, raw, rtol=1e-5)
