"""`fit` with a tuned head: one artefact that names what its head knows, and what it was fused by."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from deepfake_guard.detector import manifest, weights
from deepfake_guard.detector.calibration import UNKNOWN, Fold, Standard
from deepfake_guard.detector.cli import fit as cli_fit
from deepfake_guard.detector.explain.words import of_heads
from deepfake_guard.detector.features.tuned import STAGES, TunedBackbone
from deepfake_guard.detector.signals import alteration
from deepfake_guard.detector.training import crops, tune, tune_state
from deepfake_guard.detector.training.fit import Recipe, main_fit
from deepfake_guard.detector.training.fit_ensemble import Taught, fit_ensemble, left_out, raw
from deepfake_guard.detector.training.fit_signals import SHADOWS
from deepfake_guard.detector.training.lessons import lessons
from deepfake_guard.detector.training.tune_batches import Plan, Pupil

from .artefacts import noise_crops, random_model, tiny_artefact
from .collections_on_disk import Made, written
from .test_ensemble import SMALL

PLAN = Plan(faces=4, batch=4, patch=48)
COLLECTIONS = (
    Made("train-real", "ffhq256__zoya2244", 12),
    Made("train-real", "fairface__thlaiquid", 6),
    Made("select-real", "ffhq256__zoya2244", 10),
    Made("calib-real", "ffhq256__cdiaconu04", 14),
    Made("head-real", "dfdc__i-shreyansh", 6, paired=True),
    Made("head-fake", "stylegan1-ffhq__zoya2244", 6, "StyleGAN (1) FFHQ", "gan", spread=120),
    Made("head-fake", "sdxl__sfhq-t2i", 6, "SDXL", "diffusion", spread=90),
    Made("head-fake", "dfdc_faceswap__i-shreyansh", 6, "DFDC face swaps (mixed methods)", "swap", paired=True),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("crops"), COLLECTIONS)


def tuned(folder: Path, run: Path, without: str | None = None, *, pseudo_only: bool = False) -> Path:
    """A run of one step."""
    taught = lessons(folder, leave_out=without, pseudo_only=pseudo_only)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = TunedBackbone(taught.classes(), alteration.STAGES if pseudo_only else STAGES)
    tune.tune({Pupil(): model}, taught, PLAN, run, torch.device("cpu"), lambda _: None, loaders=0)
    return run


@pytest.fixture(scope="module")
def runs(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    home = tmp_path_factory.mktemp("runs")
    return {name: tuned(folder, home / name, None if name == "all" else name) for name in ("all", "gan", "swap")}


def test_fit_makes_one_artefact_of_muflow_signals_and_a_head(
    folder: Path, runs: dict[str, Path], tmp_path: Path
) -> None:
    tiny_artefact(tmp_path / "muflow")
    said: list[str] = []
    recipe = Recipe(
        muflow=tmp_path / "muflow", tuned=runs["all"], folds={"gan": runs["gan"], "swap": runs["swap"]}, starter=True
    )
    passport = main_fit(folder, tmp_path / "out", recipe, device="cpu", say=said.append)
    made = weights.load(tmp_path / "out", device="cpu")
    assert made.manifest == passport
    assert passport.detector_id.startswith("guard-")
    assert list(passport.signals) == ["mahalanobis", "neighbours"]
    card = passport.heads["head"]
    assert card.generators == ("DFDC face swaps (mixed methods)", "SDXL", "StyleGAN (1) FFHQ")
    assert card.families == ("diffusion", "gan", "swap")
    assert card.n == 18
    assert card.training["pseudo_fakes"] == ["self-blend", "resynthesised"]
    assert [(one.name, one.n) for one in passport.sets if one.role == "head"] == [("dfdc__i-shreyansh", 6)]
    assert {one.n for one in passport.sets if one.role == manifest.FAKES} == {6}
    assert sum(one.n for one in passport.sets if one.role == manifest.FAKES) == card.n
    assert passport.heads["linear"].generators == card.generators
    assert set(passport.training["fusion"]["left_out_auc"]) == {"gan", "swap"}
    assert any(passport.training["fusion"]["rule"] in line for line in said)
    scales = made.calibration.buckets["any"].scales
    assert isinstance(scales["generator:SDXL"], Standard)
    assert isinstance(scales["mahalanobis"], Fold)
    assert set(made.calibration.strange.weights) <= {"muflow", "mahalanobis", "neighbours", "residual"}
    scores = made.ensemble.score(noise_crops(2)).scores
    assert all(np.isfinite(scores[name]).all() for name in ("head", "linear", "generator:SDXL"))


def test_a_shadow_is_calibrated_and_shown_and_outside_both_formulas(folder: Path, tmp_path: Path) -> None:
    tiny_artefact(tmp_path / "muflow")
    untuned = tuple(name for name in SHADOWS if not of_heads(name))
    recipe = Recipe(muflow=tmp_path / "muflow", shadows=untuned, buckets=())
    passport = main_fit(folder, tmp_path / "out", recipe, device="cpu")
    plain = main_fit(folder, tmp_path / "plain", replace(recipe, shadows=()), device="cpu")
    assert list(passport.signals) == ["mahalanobis", "neighbours", *untuned]
    assert tuple(name for name, card in passport.signals.items() if card.get("role") == "shadow") == untuned
    made, without = (weights.load(tmp_path / name, device="cpu") for name in ("out", "plain"))
    crop = noise_crops(1)
    with_them, alone = (
        one.calibration.judge_many(one.ensemble.score(crop).scores, [UNKNOWN])[0] for one in (made, without)
    )
    assert set(with_them.signals) - set(alone.signals) == set(untuned)
    assert (with_them.p_value, with_them.score) == pytest.approx((alone.p_value, alone.score))
    assert with_them.signals["strange"] == alone.signals["strange"]
    assert plain.calibration_id != passport.calibration_id
    assert tuple(SHADOWS) == cli_fit.SHADOWS


def test_a_gaussian_and_neighbours_on_a_heads_features_are_shadows(
    folder: Path, runs: dict[str, Path], tmp_path: Path
) -> None:
    tiny_artefact(tmp_path / "muflow")
    wanted = tuple(name for name in SHADOWS if of_heads(name))
    recipe = Recipe(muflow=tmp_path / "muflow", tuned=runs["all"], shadows=wanted, buckets=())
    passport = main_fit(folder, tmp_path / "out", recipe, device="cpu")
    assert tuple(passport.signals)[-2:] == wanted == ("tuned_mahalanobis", "tuned_neighbours")
    assert passport.decides == ("head",)
    made = weights.load(tmp_path / "out", device="cpu")
    scores = made.ensemble.score(noise_crops(2)).scores
    assert all(np.isfinite(scores[name]).all() for name in wanted)
    with pytest.raises(ValueError, match="no tuned features"):
        main_fit(folder, tmp_path / "none", replace(recipe, tuned=None), device="cpu")


def test_a_stopped_calibration_goes_on(folder: Path, runs: dict[str, Path], tmp_path: Path) -> None:
    tiny_artefact(tmp_path / "muflow")
    recipe = Recipe(muflow=tmp_path / "muflow", tuned=runs["all"])
    first = main_fit(folder, tmp_path / "out", recipe, device="cpu")
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "out.run" / "scores").iterdir()}
    again = main_fit(folder, tmp_path / "out", recipe, device="cpu")
    assert kept == {path: path.stat().st_mtime_ns for path in (tmp_path / "out.run" / "scores").iterdir()}
    assert replace(again, created=first.created) == first


def test_genuine_faces_of_one_set_alone_can_be_asked_for(folder: Path, tmp_path: Path) -> None:
    taken = tiny_artefact(tmp_path / "muflow").manifest
    manifest.write(tmp_path / "muflow", replace(taken, terms=manifest.RESEARCH))
    both = Recipe(muflow=tmp_path / "muflow", only=("ffhq256__zoya2244", "ffhq256__cdiaconu04"))
    passport = main_fit(folder, tmp_path / "out", both, device="cpu")
    assert [(one.name, one.role) for one in passport.sets] == [
        ("ffhq256__zoya2244", "train"), ("ffhq256__zoya2244", "select"), ("ffhq256__cdiaconu04", "calibrate")
    ]  # fmt: skip
    assert passport.detector_id.startswith("muflow-")
    assert (passport.terms, passport.derived_from) == (manifest.RESEARCH, taken.detector_id)
    with pytest.raises(crops.DataError, match="no face of elsewhere"):
        main_fit(folder, tmp_path / "none", replace(both, only=("elsewhere",)), device="cpu")
    with pytest.raises(crops.DataError, match="elsewhere"):
        lessons(folder, only=["elsewhere"])


def test_a_head_that_has_seen_a_family_cannot_stand_for_one_that_has_not(folder: Path, runs: dict[str, Path]) -> None:
    model = random_model(SMALL)
    taught = Taught.read(model, folder, crops.index(folder, "train-real"), crops.index(folder, "select-real"))
    with pytest.raises(ValueError, match=r"has seen StyleGAN \(1\) FFHQ"):
        left_out(model, tune_state.trained(runs["all"]), taught, "gan")
    with pytest.raises(crops.DataError, match="'sculpture': there are diffusion, gan, swap"):
        left_out(model, tune_state.trained(runs["all"]), taught, "sculpture")
    scores = left_out(model, tune_state.trained(runs["swap"]), taught, "swap")
    assert scores.twins is not None
    assert len(scores.twins["head"]) == 6
    assert {name: len(raw["head"]) for name, raw in scores.fakes.items()} == {"dfdc_faceswap__i-shreyansh": 6}


def test_what_fuses_a_refit_has_not_seen_what_it_leaves_out(
    folder: Path, runs: dict[str, Path], tmp_path: Path
) -> None:
    """The head behind `--fold swap` was taught StyleGAN, which a refit without GANs is to know nothing of."""
    tiny_artefact(tmp_path / "muflow")
    refit = Recipe(muflow=tmp_path / "muflow", tuned=runs["gan"], folds={"swap": runs["swap"]}, buckets=())
    with pytest.raises(crops.DataError, match=r"fold swap was taught StyleGAN \(1\) FFHQ, which that of"):
        main_fit(folder, tmp_path / "out", refit, device="cpu")
    passport = main_fit(folder, tmp_path / "out", replace(refit, folds={}), device="cpu")
    assert passport.training["fusion"] == {"rule": "sum of head", "left_out_auc": {}}


def test_a_head_of_pseudo_fakes_alone_knows_no_generator(folder: Path, tmp_path: Path) -> None:
    tiny_artefact(tmp_path / "muflow")
    run = tuned(folder, tmp_path / "run", pseudo_only=True)
    passport = main_fit(
        folder, tmp_path / "out", Recipe(muflow=tmp_path / "muflow", tuned=run, buckets=()), device="cpu"
    )
    assert list(passport.heads) == ["head"]
    assert (passport.heads["head"].generators, passport.heads["head"].n) == ((), 0)
    scores = weights.load(tmp_path / "out", device="cpu").ensemble.score(noise_crops(2)).scores
    assert {"head", "generator:self-blend", "generator:resynthesised"} <= set(scores)
    assert "linear" not in scores


def test_what_pseudo_fakes_taught_is_a_one_class_signal(folder: Path, runs: dict[str, Path], tmp_path: Path) -> None:
    """It stands beside µFlow in what the one-class signals say together; the others are scored and shown."""
    tiny_artefact(tmp_path / "muflow")
    run = tuned(folder, tmp_path / "run", pseudo_only=True)
    recipe = Recipe(muflow=tmp_path / "muflow", alteration=run, buckets=())
    alone = main_fit(folder, tmp_path / "alone", recipe, device="cpu")
    whole = main_fit(folder, tmp_path / "whole", replace(recipe, tuned=runs["all"]), device="cpu")
    for passport in (alone, whole):
        assert list(passport.signals) == ["mahalanobis", "neighbours", "alteration"]
        assert [card.get("role", "") for card in passport.signals.values()] == ["shadow", "shadow", ""]
        assert passport.training["alteration"]["plan"]["faces"] == PLAN.faces
    made = weights.load(tmp_path / "whole", device="cpu")
    assert set(made.calibration.strange.weights) == {"muflow", "alteration"}
    assert isinstance(made.calibration.buckets["any"].scales["alteration"], Fold)
    assert whole.decides == ("head",)
    below = main_fit(folder, tmp_path / "below", Recipe(muflow=tmp_path / "whole", buckets=()), device="cpu")
    assert not {"alteration", "fusion", "head_of"} & set(below.training)  # what it has none of, it says nothing of
    with pytest.raises(ValueError, match=r"and nothing else, not genuine, .*SDXL"):
        main_fit(folder, tmp_path / "wrong", replace(recipe, alteration=runs["all"]), device="cpu")


def test_the_signal_that_pseudo_fakes_taught_can_be_taken_from_an_artefact(folder: Path, tmp_path: Path) -> None:
    tiny_artefact(tmp_path / "muflow")
    run = tuned(folder, tmp_path / "run", pseudo_only=True)
    recipe = Recipe(muflow=tmp_path / "muflow", alteration=run, buckets=())
    first = main_fit(folder, tmp_path / "first", recipe, device="cpu")
    again = main_fit(folder, tmp_path / "again", replace(recipe, alteration=tmp_path / "first"), device="cpu")
    assert (again.detector_id, again.calibration_id) == (first.detector_id, first.calibration_id)
    assert again.training["alteration"] == {"of": first.detector_id, **first.training["alteration"]}
    manifest.write(tmp_path / "again", replace(again, detector_id="guard-next"))
    third = main_fit(folder, tmp_path / "third", replace(recipe, alteration=tmp_path / "again"), device="cpu")
    assert third.training["alteration"]["of"] == "guard-next"  # whom it was taken from, not whom that took it from
    with pytest.raises(crops.DataError, match="has no traces of alteration to take"):
        main_fit(folder, tmp_path / "none", replace(recipe, alteration=tmp_path / "muflow"), device="cpu")


def test_what_is_taken_brings_its_terms_its_origin_and_the_sets_that_taught_it(
    folder: Path, runs: dict[str, Path], tmp_path: Path
) -> None:
    """From three artefacts: what is marked "research" is named as the origin whatever else is taken."""
    free = tiny_artefact(tmp_path / "muflow").manifest
    run = tuned(folder, tmp_path / "run", pseudo_only=True)
    bound = Recipe(muflow=tmp_path / "muflow", tuned=runs["all"], alteration=run, buckets=(), starter=True)
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


def test_a_head_can_be_taken_from_an_artefact(folder: Path, runs: dict[str, Path], tmp_path: Path) -> None:
    tiny_artefact(tmp_path / "muflow")
    recipe = Recipe(muflow=tmp_path / "muflow", tuned=runs["all"], buckets=())
    first = main_fit(folder, tmp_path / "first", recipe, device="cpu")
    chosen = {"rule": "sum of head", "left_out_auc": {"gan": 0.5}}
    manifest.write(tmp_path / "first", replace(first, training={**first.training, "fusion": chosen}))
    again = main_fit(folder, tmp_path / "again", replace(recipe, tuned=tmp_path / "first"), device="cpu")
    assert (again.heads, again.training["fusion"]) == (first.heads, {"of": first.detector_id, **chosen})
    assert again.training["head_of"] == first.detector_id
    assert (again.detector_id, again.calibration_id) == (first.detector_id, first.calibration_id)
    with pytest.raises(crops.DataError, match="has no head to take"):
        main_fit(folder, tmp_path / "none", replace(recipe, tuned=tmp_path / "muflow"), device="cpu")


def test_a_wrong_folder_is_told_before_anything_is_trained(folder: Path, runs: dict[str, Path], tmp_path: Path) -> None:
    said: list[str] = []
    wrong = (
        Recipe(tuned=tmp_path / "none"),
        Recipe(tuned=runs["all"], folds={"gan": tmp_path / "none"}),
        Recipe(alteration=tmp_path / "none"),
        Recipe(alteration=runs["all"]),
        Recipe(tuned=runs["gan"], folds={"swap": runs["swap"]}),
    )
    for recipe in wrong:
        with pytest.raises(ValueError, match=r"no run of tune|nothing else|which that of --tuned was not"):
            main_fit(folder, tmp_path / "out", recipe, device="cpu", say=said.append)
    assert said == []


def test_terms_go_along_with_a_head_that_is_taken(folder: Path, runs: dict[str, Path], tmp_path: Path) -> None:
    tiny_artefact(tmp_path / "muflow")
    recipe = Recipe(muflow=tmp_path / "muflow", tuned=runs["all"], buckets=(), starter=True)
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


def test_what_fuses_is_chosen_beside_the_signal_that_pseudo_fakes_taught(
    folder: Path, runs: dict[str, Path], tmp_path: Path
) -> None:
    tiny_artefact(tmp_path / "muflow")
    run = tuned(folder, tmp_path / "run", pseudo_only=True)
    recipe = Recipe(
        muflow=tmp_path / "muflow", tuned=runs["all"], folds={"gan": runs["gan"]}, alteration=run, buckets=(),
        shadows=("residual",),
    )  # fmt: skip
    made = main_fit(folder, tmp_path / "out", recipe, device="cpu")
    assert list(made.signals) == ["mahalanobis", "neighbours", "alteration", "residual"]
    assert "alteration" not in made.decides
    assert set(made.training["fusion"]["left_out_auc"]) == {"gan"}


def test_what_was_looked_at_once_scores_as_the_artefact_does(folder: Path, runs: dict[str, Path]) -> None:
    model, head = random_model(SMALL), tune_state.trained(runs["all"])
    taught = Taught.read(model, folder, crops.index(folder, "train-real"), crops.index(folder, "select-real"))
    ensemble = fit_ensemble(model, head, taught)
    whole = ensemble.score(taught.fakes.seen.crops).scores
    for name, values in raw(ensemble, taught.fakes).items():
        np.testing.assert_allclose(values, whole[name], rtol=1e-3, atol=1e-4, err_msg=name)
