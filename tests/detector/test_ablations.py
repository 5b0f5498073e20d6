"""Ablations and contamination on tiny pools: one thing changed at a time, within the time, on development splits."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from deepfake_guard.detector.signals.base import Seen
from deepfake_guard.detector.signals.mahalanobis import Mahalanobis
from deepfake_guard.detector.signals.muflow import MuFlow, Settings
from deepfake_guard.detector.training import ablations, contamination
from deepfake_guard.detector.training.fit_flow import Schedule

from .artefacts import random_model
from .collections_on_disk import Made, written

PLAN = (
    Made("train-real", "a", 24), Made("select-real", "b", 16),
    Made("head-fake", "c", 16, "C", "gan", spread=252), Made("head-fake", "d", 3, "D", "gan", spread=90),
)  # fmt: skip
BRIEF = Schedule(lr=1e-3, batch=8, epochs=1, averages=12, of=6, plateau=0)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("data") / "crops", PLAN, side=32)


@pytest.fixture(scope="module")
def model() -> MuFlow:
    return random_model(Settings(input_px=32, steps=2, pooling="mean", objective="density"))


def test_every_part_states_both_sides_and_its_n(home: Path, model: MuFlow, tmp_path: Path) -> None:
    lines: list[str] = []
    found = ablations.run(home, tmp_path / "a.json", model=model, plan=BRIEF, faces=16, say=lines.append)
    assert json.loads((tmp_path / "a.json").read_text()) == found
    assert found["skipped"] == []
    assert len(lines) == 1 + len(ablations.POOLINGS) + len(ablations.OBJECTIVES)
    for kind in ("averages", "singles"):
        row = found["averages or singles, mean_std"][kind]
        assert row["n"] == 16
        assert row["collections"]["c"]["n"] == 16
        assert "d" not in row["collections"]  # three faces are no collection
        assert 0 <= row["folded"] <= 1
    assert found["flow, published-log1p, flatten"]["epochs"] == 1
    assert found["flow, density, mean"]["train"] == 16
    assert set(found["learning curve"]) == {"24"}


def test_what_the_time_does_not_reach_is_named(home: Path, model: MuFlow, tmp_path: Path) -> None:
    found = ablations.run(home, tmp_path / "a.json", model=model, plan=BRIEF, minutes=-1)
    assert len(found["skipped"]) == 1 + len(ablations.POOLINGS) + len(ablations.OBJECTIVES)
    assert set(found) == {"skipped"}


def test_the_learning_curve_has_a_point_for_each_number_and_for_all(home: Path, model: MuFlow) -> None:
    found = ablations.learning_curve(model, ablations.Pool.read(home), (8, 12, 999))
    assert list(found) == ["8", "12", "24"]
    assert found["8"]["mahalanobis"] != found["24"]["mahalanobis"]


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
    with pytest.raises(ValueError, match="planted"):
        contamination.in_training(fit, seen(200, 0), seen(30, 0), seen(30, 0), seen(5, 8))
