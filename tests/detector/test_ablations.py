"""Ablations and contamination on tiny pools: one thing changed at a time, within the time, on development splits."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from deepfake_guard.detector import weights
from deepfake_guard.detector.__main__ import main
from deepfake_guard.detector.calibration import ROOT, Calibration, HeatRange
from deepfake_guard.detector.ensemble import Ensemble
from deepfake_guard.detector.features.tuned import MADE, TunedBackbone, margin
from deepfake_guard.detector.signals.alteration import STAGES, Alteration
from deepfake_guard.detector.signals.base import Seen
from deepfake_guard.detector.signals.mahalanobis import Mahalanobis
from deepfake_guard.detector.signals.muflow import Settings
from deepfake_guard.detector.stored_crops import as_crop
from deepfake_guard.detector.training import ablate, ablations, contamination, fit_flow, fit_signals, plots
from deepfake_guard.detector.training import crops as listing
from deepfake_guard.detector.training.fit_flow import Schedule
from deepfake_guard.detector.training.statistics import auc
from deepfake_guard.detector.weights import Artefact

from .artefacts import noise_crops, passport, random_model
from .collections_on_disk import Made, written

PLAN = (
    Made("train-real", "a", 24), Made("select-real", "b", 16), Made("calib-real", "b", 20),
    Made("head-fake", "c", 16, "C", "gan", spread=252), Made("head-fake", "d", 3, "D", "gan", spread=90),
)  # fmt: skip
PARTS = 8 + len(ablations.POOLINGS) + len(ablations.OBJECTIVES)
BRIEF = Schedule(lr=1e-3, batch=8, epochs=1, averages=12, of=6, plateau=0)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("data") / "crops", PLAN, side=64)


@pytest.fixture(scope="module")
def artefact() -> Artefact:
    model = random_model(Settings(input_px=32, steps=2, pooling="mean", objective="density"))
    raw = {ROOT: {"muflow": np.linspace(-1, 1, 40) + model.score(noise_crops(4)).total.mean()}}
    return Artefact(passport(), Ensemble(model), Calibration.fit(raw, raw, HeatRange(1.0, 4.0)), model.device)


@pytest.fixture(scope="module")
def whole(home: Path, artefact: Artefact) -> tuple[dict[str, Any], list[str]]:
    """All parts, once, and what was said of them."""
    lines: list[str] = []
    return ablate.run(home, home / "a.json", artefact=artefact, plan=BRIEF, faces=16, say=lines.append), lines


def test_every_part_states_both_sides_and_its_n(whole: tuple[dict[str, Any], list[str]], home: Path) -> None:
    found, lines = whole
    assert json.loads((home / "a.json").read_text()) == found
    assert found["skipped"] == []
    assert f"{PARTS} of {PARTS}: averages or singles, full_flatten" in lines[-1]
    for kind in ("averages", "singles"):
        row = found["averages or singles, mean_std"][kind]
        assert row["n"] == 16
        assert row["collections"]["c"]["n"] == 16
        assert "d" not in row["collections"]  # three faces are no collection
        assert 0 <= row["folded"] <= 1
    assert found["flow, published-log1p, flatten"]["epochs"] == 1
    assert found["flow, density, mean"]["train"] == 16
    assert set(found["learning curve"]) == set(found["learning curve, µFlow"]) == {"24"}
    assert list(found)[-4:] == ["learning curve, µFlow", "averages or singles, full_flatten", "impossible", "skipped"]


def test_each_signal_is_judged_beside_muflow_and_what_is_kept_starts_with_it(
    whole: tuple[dict[str, Any], list[str]], home: Path
) -> None:
    found, _ = whole
    shipped = {f"{name}, stage 3" for name in fit_signals.SHIPPED}
    assert {"µFlow", "residual and spectrum", "sensitivity"} | shipped <= set(found[ablate.SIGNALS])
    assert all(0 <= one["folded"] <= 1 and one["n"] == 16 for one in found[ablate.SIGNALS].values())
    assert set(found[ablate.KEPT]) == set(fit_signals.PSEUDO)
    assert all(names[0] == "µFlow" for names in found[ablate.KEPT].values())


def test_a_network_that_pseudo_fakes_taught_is_judged_as_it_comes(home: Path, artefact: Artefact) -> None:
    ensemble = replace(artefact.ensemble, signals=(*artefact.ensemble.signals, Alteration(TunedBackbone(MADE, STAGES))))
    pool = ablations.Pool.read(home)
    made = ablate.parts(replace(artefact, ensemble=ensemble), pool, pool.select, BRIEF, 16, home)
    assert "gain" in made[ablate.SIGNALS]()["alteration"]


def test_contamination_is_judged_by_faces_that_neither_train_nor_calibrate(
    whole: tuple[dict[str, Any], list[str]],
) -> None:
    found, _ = whole
    for name in ("fused", "strange"):
        rows = found["contamination, calibration"][name]
        assert list(rows) == ["0", "0.01", "0.02", "0.05"]
        assert (rows["0.05"]["n"], rows["0.05"]["planted"], rows["0.05"]["fakes"]) == (20, 1, 15)
    fits = {**found["contamination, training"], **found["contamination, training, short flow"]}
    assert list(fits) == [*fit_signals.SHIPPED, "muflow"]
    for fit in fits.values():
        assert fit["planted"] == 1
        assert (fit["clean"]["false_alarms"]["n"], fit["clean"]["caught"]["n"]) == (16, 15)


def test_a_second_run_makes_no_part_again(
    whole: tuple[dict[str, Any], list[str]], home: Path, artefact: Artefact
) -> None:
    lines: list[str] = []
    again = ablate.run(home, home / "a.json", artefact=artefact, plan=BRIEF, faces=16, say=lines.append)
    assert again == whole[0]
    assert sum("there already" in line for line in lines) == PARTS


def test_flows_that_learned_from_other_faces_are_never_taken_for_these(
    artefact: Artefact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another folder with as many faces in each role, and the same --out."""
    every, one = ablate.parts, "flow, density, mean"
    monkeypatch.setattr(ablate, "parts", lambda *given: {one: every(*given)[one]})
    others = tuple(replace(made, spread=120 if made.family else 200) for made in PLAN)
    first, second = (written(tmp_path / name, plan, side=64) for name, plan in (("first", PLAN), ("second", others)))

    def flow(data: Path, out: str) -> Any:
        return ablate.run(data, tmp_path / out, artefact=artefact, plan=BRIEF, faces=16)[one]

    before, after = flow(first, "a.json"), flow(second, "a.json")
    assert before != after == flow(second, "fresh.json")


def test_what_the_time_does_not_reach_is_named_and_made_by_the_next_run(tmp_path: Path) -> None:
    made: dict[str, ablate.Part] = {"one": lambda: {"n": 1}, "two": lambda: {"n": 2}}
    out, about = tmp_path / "a.json", {"artefact": "x"}
    assert ablate.in_time(made, out, about, -1) == {"about": about, "impossible": {}, "skipped": ["one", "two"]}
    assert ablate.in_time({"one": made["one"]}, out, about, 1)["one"] == {"n": 1}
    made["one"] = lambda: {"n": 0}
    whole = ablate.in_time(made, out, about, 1)
    assert (whole["one"], whole["two"], whole["skipped"]) == ({"n": 1}, {"n": 2}, [])
    assert ablate.in_time(made, out, {"artefact": "y"}, 1)["one"] == {"n": 0}  # of another artefact: made anew


def test_what_there_are_too_few_fakes_for_is_named_and_the_rest_is_made(
    tmp_path: Path, artefact: Artefact, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """300 calibration faces want 15 fakes, 24 training faces one."""
    every, wanted = ablate.parts, (ablate.IN_TRAINING, ablate.IN_CALIBRATION)
    monkeypatch.setattr(ablate, "parts", lambda *given: {name: every(*given)[name] for name in wanted})
    monkeypatch.setattr(weights, "load", lambda *_: artefact)
    fakes = Made("head-fake", "c", 15, "C", "gan", spread=252)
    data = written(tmp_path / "crops", (*PLAN[:2], Made("calib-real", "b", 300), fakes), side=32)
    command = ["ablate", "--data", str(data), "--out", str(tmp_path / "a.json"), "--html", str(tmp_path / "a.html")]
    said = "contamination, calibration cannot be made: 15 fakes are to be planted, and there are 15"
    for _ in ("made", "read again"):
        assert main(command) == 0
        assert said in capsys.readouterr().out
    assert said in (tmp_path / "a.html").read_text()
    found = json.loads((tmp_path / "a.json").read_text())
    assert found["skipped"] == []
    assert set(found[ablate.IN_TRAINING]) == set(fit_signals.SHIPPED)


def test_a_folder_without_fakes_enough_to_judge_by_is_refused(tmp_path: Path) -> None:
    data = written(tmp_path / "crops", (*PLAN[:3], PLAN[4]), side=32)
    with pytest.raises(listing.DataError, match="no collection of head-fake has 15 fakes"):
        ablations.Pool.read(data)


def test_averages_are_made_of_few_training_faces_too(artefact: Artefact) -> None:
    pool = ablations.Pool(noise_crops(40), noise_crops(16), {"c": noise_crops(16)})
    assert set(ablations.centre(artefact.model, pool, "mean", Schedule(averages=12))) == {"averages", "singles"}


def test_the_learning_curve_has_a_point_for_each_number_and_for_all(home: Path, artefact: Artefact) -> None:
    calls: list[int] = []

    def embed(crops: np.ndarray) -> np.ndarray:
        calls.append(len(crops))
        return artefact.model.pooled(crops)

    signals = fit_signals.shipped([shape[0] for shape in artefact.model.shapes])
    found = ablations.learning_curve(signals, ablations.remembered(embed), ablations.Pool.read(home), (8, 12, 999))
    assert list(found) == ["8", "12", "24"]
    assert found["8"]["mahalanobis"] != found["24"]["mahalanobis"]
    assert sorted(calls) == [16, 16, 24]  # features are made once
    assert list(found["8"]) == list(fit_signals.SHIPPED)


def test_the_learning_curve_of_muflow_goes_on_flow_by_flow(
    home: Path, artefact: Artefact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    epoch, trained = fit_flow._epoch, list[int]()

    def counted(*given: Any) -> float:
        trained.append(len(given[2][0][0]))
        return epoch(*given)

    monkeypatch.setattr(fit_flow, "_epoch", counted)
    pool = ablations.Pool.read(home)
    begun = ablations.flow_curve(artefact.model, pool, BRIEF, tmp_path, (8, 999))
    whole = ablations.flow_curve(artefact.model, pool, BRIEF, tmp_path, (8, 12, 999))
    assert trained == [8, 24, 12]
    assert list(whole) == ["8", "12", "24"]
    assert (whole["8"], whole["24"]) == (begun["8"], begun["24"])
    assert [point["µFlow"]["train"] for point in whole.values()] == [8, 12, 24]
    assert whole["8"]["µFlow"]["collections"] != whole["24"]["µFlow"]["collections"]


def test_signals_on_tuned_features_are_judged_beside_the_heads_margin(home: Path, artefact: Artefact) -> None:
    head = TunedBackbone(("genuine", "C"))
    whole = replace(artefact, ensemble=replace(artefact.ensemble, head=head))
    pool = ablations.Pool.read(home)
    made = ablate.parts(whole, pool, pool.select, BRIEF, 8, home)[ablate.ON_TUNED]()
    assert ablate.ON_TUNED not in ablate.parts(artefact, pool, pool.select, BRIEF, 8, home)
    assert list(made)[:2] == ["margin", "mahalanobis, all stages"]
    assert {"neighbours (cosine), stage 3", "mahalanobis, stage 1"} < set(made)
    logits = torch.from_numpy(whole.ensemble.tuned(pool.select)[1])
    fakes = torch.from_numpy(whole.ensemble.tuned(pool.fakes["c"])[1])
    assert made["margin"]["one_sided"] == pytest.approx(auc(margin(fakes).numpy(), margin(logits).numpy())[0], abs=1e-3)


def test_faces_stored_small_are_scored_as_an_upload_would_be(tmp_path: Path) -> None:
    small = (Made("train-real", "a", 4), Made("select-real", "b", 4), Made("head-fake", "c", 16, "C", "gan"))
    data = written(tmp_path / "crops", small, side=112)
    pool = ablations.Pool.read(data)
    stored = listing.load(data, listing.index(data, "select-real"))
    assert [crops.shape[1:] for crops in (pool.train, pool.select, *pool.fakes.values())] == [(224, 224, 3)] * 3
    assert np.array_equal(pool.select[0], as_crop(stored[0]))


def test_the_command_writes_figures_and_a_page_without_faces(
    whole: tuple[dict[str, Any], list[str]],
    home: Path,
    artefact: Artefact,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(weights, "load", lambda *_: artefact)
    monkeypatch.setattr(ablate, "SHORT", BRIEF)
    command = ["ablate", "--data", str(home), "--out", str(home / "a.json"), "--faces", "16", "--epochs", "1"]
    page, draw, drawn = tmp_path / "a.html", plots.learning_curve, list[Any]()

    def seen(curve: Any) -> bytes:
        drawn.append(curve)
        return draw(curve)

    monkeypatch.setattr(plots, "learning_curve", seen)
    assert main([*command, "--html", str(page), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == whole[0]
    text = page.read_text()
    assert text.count("data:image/png;base64,") == 1
    assert not re.search(r"(src|href)=.(?!data:)|<script|@import|url\(", text)
    assert "training, muflow" in text
    assert "24 faces, µFlow, 1 epochs" in text
    assert [list(curve["24"]) for curve in drawn] == [[*fit_signals.SHIPPED, "µFlow"]]
    assert main(command) == 0
    shown = capsys.readouterr().out
    assert "averages or singles, mean: averages" in shown
    assert "calibration, strange" in shown


def test_planted_fakes_hide_others_and_more_of_them_hide_more() -> None:
    rng = np.random.default_rng(0)
    genuine, fakes = rng.normal(0, 1, 700), rng.normal(3, 0.5, 400)
    found = contamination.in_calibration(genuine, fakes, draws=10)
    losses = [found[share]["loss"] for share in ("0", "0.01", "0.02", "0.05")]
    assert losses == sorted(losses)
    assert found["0"]["caught"] > 0.95
    assert found["0.05"]["planted"] == 35
    assert losses[-1] > 0.05
    assert found["0.05"]["spread"][0] <= found["0.05"]["caught"] <= found["0.05"]["spread"][1]


def test_fakes_planted_in_training_are_judged_by_neither_fit() -> None:
    rng = np.random.default_rng(1)

    def seen(count: int, shift: float) -> Seen:
        return Seen(np.zeros((count, 1, 1, 3), np.uint8), rng.normal(shift, 1, (count, 6)).astype(np.float32))

    fitted: list[int] = []

    def fit(faces: Seen) -> Mahalanobis:
        fitted.append(int((faces.frozen.mean(1) > 4).sum()))
        return Mahalanobis.fit(faces, rank=None)

    found = contamination.in_training(fit, seen(200, 0), seen(300, 0), seen(200, 0), seen(60, 8))
    assert fitted == [0, 10]
    assert found["planted"] == 10
    assert found["clean"]["caught"]["n"] == found["planted_in_training"]["caught"]["n"] == 50
    assert found["clean"]["caught"]["rate"] == 1
    assert found["clean"]["false_alarms"]["rate"] < 0.12
    with pytest.raises(contamination.TooFewFakes, match="planted"):
        contamination.in_calibration(rng.normal(0, 1, 700), rng.normal(3, 1, 30))
    with pytest.raises(contamination.TooFewFakes, match="planted"):
        contamination.in_training(fit, seen(200, 0), seen(30, 0), seen(30, 0), seen(5, 8))
