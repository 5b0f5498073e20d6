"""Uniformity is asked source by source, and a shift is told from none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepfake_guard.detector.training.uniformity import agreement, detectable, from_uniform, holm


def test_only_sources_that_both_have_are_compared() -> None:
    rng = np.random.default_rng(0)
    rows = agreement(
        {"ffhq": rng.normal(size=100), "fairface": rng.normal(size=150)},
        {"ffhq": rng.normal(size=90), "stock": rng.normal(size=50)},
    )
    assert [(row.source, row.calibration_n, row.test_n) for row in rows] == [("ffhq", 100, 90)]


def test_the_distance_is_the_greatest_gap_of_the_distribution_functions() -> None:
    rng = np.random.default_rng(1)
    one, other = rng.normal(size=40), rng.normal(0.5, size=25)
    (row,) = agreement({"a": one}, {"a": other})
    gaps = [abs((one <= at).mean() - (other <= at).mean()) for at in (*one, *other)]
    assert row.distance == pytest.approx(max(gaps))


def test_a_hundred_against_a_hundred_see_a_distance_above_a_fifth() -> None:
    assert detectable(100, 100) == pytest.approx(0.19, abs=0.005)  # design.md §7.10
    rng = np.random.default_rng(2)
    distances = [
        agreement({"a": rng.normal(size=100)}, {"a": rng.normal(shift, size=100)})[0]
        for shift in (0.0, 0.0, 0.4, 0.8, 1.2)
    ]
    assert all((row.p_value <= 0.05) == (row.distance > row.detectable) for row in distances)


def test_faces_of_the_same_source_are_rarely_called_shifted_whatever_the_number_of_sources() -> None:
    rng, alarms = np.random.default_rng(3), 0
    for _ in range(200):
        rows = agreement(*({name: rng.normal(size=40) for name in "abcd"} for _ in range(2)))
        alarms += min(row.holm for row in rows) <= 0.05
    assert alarms / 200 <= 0.05 + 3 * (0.05 * 0.95 / 200) ** 0.5


def test_the_source_that_is_shifted_is_named() -> None:
    rng = np.random.default_rng(4)
    calibration = {name: rng.normal(size=300) for name in "abc"}
    rows = agreement(calibration, {name: rng.normal(0.6 if name == "b" else 0.0, size=300) for name in "abc"})
    assert [row.source for row in rows if row.holm <= 0.01] == ["b"]


def test_holm_is_as_published() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_keeps_the_order_and_never_makes_smaller(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    assert all(p <= whole <= 1 for p, whole in zip(p_values, adjusted, strict=True))
    ordered = [whole for _, whole in sorted(zip(p_values, adjusted, strict=True))]
    assert ordered == sorted(ordered)
    assert holm([1.0] * len(p_values)) == [1.0] * len(p_values)


@pytest.mark.parametrize("test", [{"b": np.zeros(3)}, {"a": np.asarray([0.0, np.nan])}])
def test_what_cannot_be_compared_is_refused(test: dict[str, np.ndarray]) -> None:
    with pytest.raises(ValueError, match=r"no source in common|finite"):
        agreement({"a": np.zeros(3)}, test)


@given(st.integers(1, 80), st.lists(st.integers(0, 80), min_size=1, max_size=60))
def test_the_distance_from_uniform_is_that_of_the_scores_behind_it(n: int, reached: list[int]) -> None:
    """Up to one face: p of a face counts the face itself, too."""
    ks_2samp = pytest.importorskip("scipy.stats", reason="the extra `train` is not installed").ks_2samp
    above = np.minimum(reached, n)
    distance = from_uniform((1 + above) / (n + 1), n)
    behind = ks_2samp(np.arange(n) + 0.5, n - above.astype(float)).statistic
    assert distance == pytest.approx(behind, abs=1 / n + 1e-9)
    assert from_uniform(np.arange(1, n + 2) / (n + 1), n) == pytest.approx(0, abs=1e-12)
