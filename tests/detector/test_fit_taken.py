"""`fit` with parts of other artefacts: what is taken scores as it did and brings terms, origin and sets along."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from deepfake_guard.detector import manifest, weights
from deepfake_guard.detector.calibration import ROOT, Fold, Fusion, Standard
from deepfake_guard.detector.training import crops, fit, run_state, tune_state
from deepfake_guard.detector.training.fit import Recipe, main_fit
from deepfake_guard.detector.training.fit_fusion import Rule
from deepfake_guard.detector.training.fit_given import Given

from .artefacts import tiny_artefact
from .collections_on_disk import written
from .tuned_runs import COLLECTIONS, tuned


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("crops"), COLLECTIONS)


@pytest.fixture(scope="module")
def taught(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tuned(folder, tmp_path_factory.mktemp("runs") / "all")


@pytest.fixture(scope="module")
def pseudo(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tuned(folder, tmp_path_factory.mktemp("runs") / "pseudo", pseudo_only=True)


def test_the_signal_that_pseudo_fakes_taught_can_be_taken_from_an_artefact(
    folder: Path, pseudo: Path, tmp_path: Path
) -> None:
    tiny_artefact(tmp_path / "muflow")
    recipe = Recipe(muflow=tmp_path / "muflow", alteration=pseudo, buckets=())
    first = main_fit(folder, tmp_path / "first", recipe, device="cpu")
    again = main_fit(folder, tmp_path / "again", replace(recipe, alteration=tmp_path / "first"), device="cpu")
    assert (again.detector_id, again.calibration_id) == (first.detector_id, first.calibration_id)
    assert again.training["alteration"] == {"of": first.detector_id, **first.training["alteration"]}
    manifest.write(tmp_path / "again", replace(again, detector_id="guard-next"))
    third = main_fit(folder, tmp_path / "third", replace(recipe, alteration=tmp_path / "again"), device="cpu")
    assert third.training["alteration"]["of"] == "guard-next"  # whom it was taken from, not whom that took it from
    with pytest.raises(crops.DataError, match="has no traces of alteration to take"):
        main_fit(folder, tmp_path / "none", replace(recipe, alteration=tmp_path / "muflow"), device="cpu")


def test_a_head_that_the_rule_folds_is_calibrated_at_both_ends(
    folder: Path, taught: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is counted is the formula that was chosen."""
    tiny_artefact(tmp_path / "muflow")
    rule = Rule(Fusion("sum", {"head": 1.0, "linear": 0.5}), ("linear",))
    monkeypatch.setattr(fit, "choose", lambda *_: (rule, {}))
    main_fit(folder, tmp_path / "made", Recipe(muflow=tmp_path / "muflow", tuned=taught, buckets=()), device="cpu")
    scales = weights.load(tmp_path / "made", device="cpu").calibration.buckets[ROOT].scales
    assert isinstance(scales["head"], Fold)
    assert isinstance(scales["linear"], Standard)
    assert isinstance(scales["generator:SDXL"], Standard)


def test_what_is_taken_brings_its_terms_its_origin_and_the_sets_that_taught_it(
    folder: Path, taught: Path, pseudo: Path, tmp_path: Path
) -> None:
    """From three artefacts: what is marked "research" is named as the origin whatever else is taken."""
    free = tiny_artefact(tmp_path / "muflow").manifest
    bound = Recipe(muflow=tmp_path / "muflow", tuned=taught, alteration=pseudo, buckets=(), starter=True)
    first = main_fit(folder, tmp_path / "first", bound, device="cpu")
    learnt = (*first.sets, manifest.FaceSet("elsewhere", "train", 9, "not for sale"))
    manifest.write(tmp_path / "first", replace(first, sets=learnt))
    recipe = Recipe(muflow=tmp_path / "muflow", alteration=tmp_path / "first", buckets=())
    made = main_fit(folder, tmp_path / "made", recipe, device="cpu")
    assert (made.terms, made.derived_from) == (manifest.RESEARCH, first.detector_id)
    assert made.training["muflow_of"] == free.detector_id
    assert ("elsewhere", "train") in {(each.name, each.role) for each in made.sets}
    assert manifest.FAKES not in {each.role for each in made.sets}  # no head was taken
    headed = main_fit(folder, tmp_path / "headed", replace(recipe, tuned=tmp_path / "first"), device="cpu")
    assert sum(each.n for each in headed.sets if each.role == manifest.FAKES) == headed.heads["head"].n == 18
    chosen = manifest.FaceSet("elsewhere", "select", 3, "not for sale")
    manifest.write(tmp_path / "first", replace(first, sets=(*learnt, chosen)))
    whole = replace(recipe, muflow=tmp_path / "first", tuned=tmp_path / "first")  # one artefact gives every part
    assert {*learnt, chosen} <= set(main_fit(folder, tmp_path / "all", whole, device="cpu").sets)


def test_a_head_can_be_taken_from_an_artefact(folder: Path, taught: Path, tmp_path: Path) -> None:
    tiny_artefact(tmp_path / "muflow")
    recipe = Recipe(muflow=tmp_path / "muflow", tuned=taught, buckets=())
    first = main_fit(folder, tmp_path / "first", recipe, device="cpu")
    chosen = {"rule": "sum of head", "left_out_auc": {"gan": 0.5}}
    manifest.write(tmp_path / "first", replace(first, training={**first.training, "fusion": chosen}))
    again = main_fit(folder, tmp_path / "again", replace(recipe, tuned=tmp_path / "first"), device="cpu")
    assert (again.heads, again.training["fusion"]) == (first.heads, {"of": first.detector_id, **chosen})
    assert again.training["head_of"] == first.detector_id
    assert (again.detector_id, again.calibration_id) == (first.detector_id, first.calibration_id)
    with pytest.raises(crops.DataError, match="has no head to take"):
        main_fit(folder, tmp_path / "none", replace(recipe, tuned=tmp_path / "muflow"), device="cpu")


def test_terms_follow_from_what_each_run_learnt(tmp_path: Path) -> None:
    """A network that learnt faces under other terms makes weights for research, whatever trains beside it."""
    only = ("ffhq256__zoya2244", "ffhq256__cdiaconu04")

    def licensed(*, free: Sequence[str]) -> Path:
        parts = [
            replace(each, licence="CC BY 4.0" if each.collection in free else "CC BY-NC 4.0") for each in COLLECTIONS
        ]
        return written(tmp_path / f"crops{len(free)}", parts)

    folder = licensed(free=only)
    tiny_artefact(tmp_path / "muflow")

    def made(run: Path) -> manifest.Manifest:
        recipe = Recipe(muflow=tmp_path / "muflow", alteration=run, only=only, buckets=(), starter=True)
        return main_fit(folder, tmp_path / f"of-{run.name}", recipe, device="cpu")

    other = made(tuned(folder, tmp_path / "all", pseudo_only=True))
    assert manifest.FaceSet("fairface__thlaiquid", "train", 6, "CC BY-NC 4.0") in other.sets
    assert other.terms == manifest.RESEARCH
    free = tuned(folder, tmp_path / "free", pseudo_only=True, only=only)
    assert made(free).terms == ""
    groups, said = run_state.read(free / tune_state.STATE, tune_state.SAID)
    run_state.write(free / tune_state.STATE, groups, said | {"learnt": []})  # as runs of before
    silent = made(free)
    assert silent.terms == manifest.RESEARCH
    assert tune_state.UNSAID in silent.sets
    bound = tuned(licensed(free=()), tmp_path / "bound", pseudo_only=True, only=only)
    doubted = made(bound)  # what it learnt is under other terms there than what trains here
    assert doubted.terms == manifest.RESEARCH
    assert manifest.FaceSet("ffhq256__zoya2244", "train", 12, "CC BY-NC 4.0; CC BY 4.0") in doubted.sets


def test_terms_follow_from_fakes_that_only_the_run_met(folder: Path, taught: Path, tmp_path: Path) -> None:
    tiny_artefact(tmp_path / "muflow")
    genuine = [replace(each, licence="CC BY 4.0") for each in COLLECTIONS if each.family != "diffusion"]
    here = written(tmp_path / "crops", genuine)
    recipe = Recipe(muflow=tmp_path / "muflow", tuned=taught, buckets=(), starter=True)
    made = main_fit(here, tmp_path / "made", recipe, device="cpu")
    assert made.terms == manifest.RESEARCH
    assert ("sdxl__sfhq-t2i", manifest.FAKES) in {(each.name, each.role) for each in made.sets}


def test_tuned_networks_come_rounded_from_runs_and_from_artefacts(
    folder: Path, taught: Path, pseudo: Path, tmp_path: Path
) -> None:
    tiny_artefact(tmp_path / "muflow")
    made = tmp_path / "made"
    main_fit(folder, made, Recipe(muflow=tmp_path / "muflow", tuned=taught, buckets=()), device="cpu")
    assert {each.dtype for each in load_file(made / weights.HEAD).values()} == {np.dtype("float16"), np.dtype("int64")}
    cpu = torch.device("cpu")
    for given in (Given.read(path, {"gan": taught}, pseudo, cpu) for path in (taught, made)):
        assert given.head is not None
        assert given.alteration is not None
        for net in (given.head.net, given.alteration.net, given.folds["gan"]):
            rounded = net.rounded().state_dict()
            assert all(torch.equal(value, rounded[name]) for name, value in net.state_dict().items())


def test_terms_go_along_with_a_head_that_is_taken(folder: Path, taught: Path, tmp_path: Path) -> None:
    tiny_artefact(tmp_path / "muflow")
    recipe = Recipe(muflow=tmp_path / "muflow", tuned=taught, buckets=(), starter=True)
    first = main_fit(folder, tmp_path / "first", recipe, device="cpu")
    (tmp_path / "first" / manifest.LICENCE).write_text("research\n")
    taking = replace(recipe, tuned=tmp_path / "first", starter=False)
    made = main_fit(folder, tmp_path / "made", taking, device="cpu")
    assert (made.terms, made.starter) == (manifest.RESEARCH, False)
    assert made.training["head_of"] == first.detector_id
    assert (tmp_path / "made" / manifest.LICENCE).read_text() == "research\n"
    (tmp_path / "muflow" / manifest.LICENCE).write_text("share alike\n")
    main_fit(folder, tmp_path / "both", taking, device="cpu")
    said = (tmp_path / "both" / manifest.LICENCE).read_text()
    assert said.startswith("share alike\n")
    assert said.endswith("research\n")
    weights.copy_licences([tmp_path / "both", tmp_path / "first"], tmp_path / "both")
    assert (tmp_path / "both" / manifest.LICENCE).read_text() == said  # each text once, however often it is joined
