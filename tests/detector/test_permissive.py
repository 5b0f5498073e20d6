"""The permissive weights: genuine faces of one set under CC BY 4.0, no fakes, and nothing of the starter in them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from deepfake_guard.detector import manifest, terms, weights
from deepfake_guard.detector.calibration import ROOT
from deepfake_guard.detector.cli import passport as info
from deepfake_guard.detector.features import Backbone
from deepfake_guard.detector.training import variant

from .test_starter import told

ROOT_FOLDER = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def permissive() -> weights.Artefact:
    return weights.load("permissive", device="cpu")


def test_all_weights_that_come_along_are_at_most_twenty_five_megabytes() -> None:
    files = [file for folder in manifest.SHIPPED.values() for file in folder.iterdir()]
    assert sum(file.stat().st_size for file in files) <= 25_000_000


def test_every_set_behind_it_may_be_used_commercially(permissive: weights.Artefact) -> None:
    passport = permissive.manifest
    assert {(each.name, each.role, each.n) for each in passport.sets} == {
        ("fairface__thlaiquid", "train", 349),
        ("fairface__thlaiquid", "select", 40),
        ("fairface__thlaiquid", "calibrate", 150),
    }
    assert terms.free(passport.sets)
    assert not passport.terms
    assert info.terms(passport) == "Commercial use: yes. What the sets state: yes: fairface__thlaiquid [CC BY 4.0]."
    said = (manifest.PERMISSIVE / manifest.LICENCE).read_text()
    assert all(word in said for word in ("Commercial use is allowed", "FairFace", "CC BY 4.0", "ImageNet", "Apache"))


def test_it_has_seen_no_fake_and_nothing_of_the_starter(permissive: weights.Artefact) -> None:
    passport = permissive.manifest
    assert (passport.heads, permissive.ensemble.head, permissive.ensemble.linear) == ({}, None, None)
    assert not passport.derived_from
    starter = weights.load("starter", device="cpu")
    own, others = (made.model.state_dict()["layers.0.gaussian.mean"] for made in (permissive, starter))
    assert not torch.equal(own, others)
    assert passport.backbone_weights == Backbone.imagenet().origin


def test_its_one_class_signals_decide_and_it_is_to_be_calibrated(permissive: weights.Artefact) -> None:
    assert "muflow" in permissive.manifest.decides
    assert permissive.calibration.fusion.weights == permissive.calibration.strange.weights
    assert permissive.manifest.starter
    assert permissive.calibration.counts() == {ROOT: 150}  # too few for kinds of upload apart


def test_it_was_made_by_the_recipe_of_the_documentation(permissive: weights.Artefact) -> None:
    recipe = variant.read(ROOT_FOLDER / "docs/examples/variants/permissive.toml")
    recorded = permissive.manifest.training["schedule"]
    assert recorded == {key: value for key, value in asdict(recipe.schedule).items() if key != "minutes"}
    assert permissive.model.settings == recipe.settings
    assert permissive.manifest.training["alteration"]["plan"]["faces"] == 64_000


def test_it_carries_what_was_measured(permissive: weights.Artefact) -> None:
    found = permissive.manifest.metrics[manifest.MEASURED]
    passport = permissive.manifest
    assert (found["detector_id"], found["calibration_id"]) == (passport.detector_id, passport.calibration_id)
    said = (ROOT_FOLDER / "docs/accuracy.md").read_text()
    alarms = found["false_alarms"]["p<=0.05"]
    assert told(found["areas"]["combined_auc_id"], 2) in said
    assert f"{alarms['count']} = {alarms['rate']:.3f}" in said
