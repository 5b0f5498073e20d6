"""The p-value means what it says: as uniform on genuine faces as n allows, and two-sided through the fold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepfake_guard.detector.calibration import Calibration, Fold, HeatRange
from deepfake_guard.detector.manifest import ArtefactError

HEAT = HeatRange(1.0, 4.0)
scores = st.lists(st.floats(-1e6, 1e6), min_size=4, max_size=60, unique=True)


def calibrated(n: int = 99, seed: int = 0) -> Calibration:
    rng = np.random.default_rng(seed)
    return Calibration.fit(rng.normal(size=200), rng.normal(size=n), HEAT)


@given(scores)
def test_the_fold_measures_each_tail_by_its_own_deviation(raw: list[float]) -> None:
    fold = Fold.fit(raw)
    values = np.asarray(raw)
    assert fold.centre == np.median(values)
    assert fold(fold.centre + fold.above) == pytest.approx(1.0, rel=1e-6)
    assert fold(fold.centre - fold.below) == pytest.approx(1.0, rel=1e-6)
    assert np.mean(fold(values[values > fold.centre])) == pytest.approx(1.0)
    assert np.mean(fold(values[values < fold.centre])) == pytest.approx(1.0)
    assert fold(values).min() >= 0


def test_scores_without_spread_are_refused() -> None:
    with pytest.raises(ValueError, match="no spread"):
        Fold.fit([2.0, 2.0, 2.0])


@given(st.lists(st.integers(0, 30), min_size=1, max_size=80), st.integers(0, 30))
def test_the_p_value_is_the_count_of_faces_at_least_as_unusual(counted: list[int], score: int) -> None:
    calibration = Calibration(Fold(0.0, 1.0, 1.0), np.sort(np.asarray(counted, float)), HEAT)
    p, n, reached, bucket = calibration.p_value(float(score))
    assert (n, reached, bucket) == (len(counted), sum(face >= score for face in counted), "any")
    assert p == (1 + reached) / (n + 1)


@given(st.integers(0, 2**31), st.integers(5, 40))
def test_exchangeable_faces_get_every_rank_once(seed: int, n: int) -> None:
    """Leave each of n + 1 faces out in turn: without ties their p-values are exactly 1/(n+1) … 1."""
    faces = np.random.default_rng(seed).normal(size=n + 1)
    p_values = [
        Calibration(Fold(0.0, 1.0, 1.0), np.sort(np.delete(faces, at)), HEAT).p_value(float(face))[0]
        for at, face in enumerate(faces)
    ]
    assert sorted(p_values) == pytest.approx([rank / (n + 1) for rank in range(1, n + 2)])


def test_genuine_faces_are_below_any_level_no_more_often_than_that_level() -> None:
    rng, level, alarms = np.random.default_rng(1), 0.05, 0
    for repeat in range(300):
        calibration = calibrated(n=99, seed=repeat)
        alarms += sum(calibration.p_value(float(s))[0] <= level for s in calibration.fold(rng.normal(size=20)))
    assert alarms / 6000 == pytest.approx(level, abs=0.012)


@given(st.floats(0, 50), st.floats(0, 50))
def test_a_higher_score_never_has_a_higher_p(one: float, other: float) -> None:
    calibration = calibrated()
    low, high = sorted((one, other))
    assert calibration.p_value(high)[0] <= calibration.p_value(low)[0]


def test_its_floor_is_one_in_n_plus_one() -> None:
    assert calibrated(n=99).p_value(1e9)[:3] == (0.01, 99, 0)


@pytest.mark.parametrize("score", [float("nan"), float("inf")])
def test_a_score_that_is_no_number_never_counts_as_calm(score: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        calibrated().p_value(score)


def test_the_histogram_counts_every_face_once() -> None:
    edges, counts = calibrated(n=321).histogram(bins=25)
    assert (len(edges), len(counts), sum(counts), edges[0]) == (26, 25, 321, 0.0)


def test_reading_gives_back_what_was_written(tmp_path: Path) -> None:
    calibration = calibrated()
    calibration.write(tmp_path / "calibration.json")
    again = Calibration.read(tmp_path / "calibration.json")
    assert np.array_equal(again.scores, calibration.scores)
    assert (again.folding, again.heat, again.bucket) == (calibration.folding, calibration.heat, "any")


@pytest.mark.parametrize(
    ("old", "new"), [('"n": 99', '"n": 98'), ('"schema": 1', '"schema": 2'), ('"above"', '"over"'), ("{", "")]
)
def test_a_calibration_that_cannot_be_right_is_refused(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "calibration.json"
    calibrated().write(path)
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(ArtefactError, match="calibration"):
        Calibration.read(path)
