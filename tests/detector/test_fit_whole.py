"""`fit` with a tuned head: one artefact that names what its head knows, and what it was fused by."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from deepfake_guard.detector import manifest, weights
from deepfake_guard.detector.calibration import UNKNOWN, Fold, Standard
from deepfake_guard.detector.cli import fit as cli_fit
from deepfake_guard.detector.explain.words import of_heads
from deepfake_guard.detector.training import crops, tune_state
from deepfake_guard.detector.training.fit import Recipe, main_fit
from deepfake_guard.detector.training.fit_ensemble import Taught, fit_ensemble, left_out, raw
from deepfake_guard.detector.training.fit_signals import SHADOWS
from deepfake_guard.detector.training.lessons import lessons

from .artefacts import noise_crops, random_model, tiny_artefact
from .collections_on_disk import written
from .test_ensemble import SMALL
from .tuned_runs import COLLECTIONS, PLAN, tuned


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("crops"), COLLECTIONS)


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
