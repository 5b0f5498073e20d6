"""Recalibrating brings false alarms to their level, and the figures that say so are counted right."""

from __future__ import annotations

import numpy as np
import pytest

from deepfake_guard.detector.training.reals_check import as_they_came, p_values


def shifted(n: int = 1500, by: float = 1.5) -> np.ndarray:
    """Scalars of a source that the shipped calibration finds stranger than its own."""
    return np.random.default_rng(3).normal(by, 1.0, n)


def test_a_p_value_counts_the_calibrating_faces_at_least_as_strange() -> None:
    assert p_values([1.0, 2.0, 2.0, 3.0], [0.0, 2.0, 2.5, 4.0]).tolist() == [1.0, 0.8, 0.4, 0.2]


def test_the_mean_over_draws_keeps_to_the_level() -> None:
    found = as_they_came(shifted())
    assert (found.rates.size, found.calibrating, found.judged) == (50, 200, 1300)
    assert found.mean == pytest.approx(10 / 201, abs=0.01)
    assert 0.005 < found.spread < 0.03
    assert found.middle[0] < found.mean < found.middle[1]


def test_a_draw_judges_only_faces_that_did_not_calibrate() -> None:
    scores = np.r_[np.zeros(30), np.arange(1, 11)]
    order = np.random.default_rng((0, 0)).permutation(40)
    expected = (p_values(scores[order[:20]], scores[order[20:]]) <= 0.2).mean()
    assert as_they_came(scores, calibrating=20, draws=1, level=0.2).rates.tolist() == [expected]


def test_draws_follow_their_seed() -> None:
    assert np.array_equal(as_they_came(shifted(), draws=5).rates, as_they_came(shifted(), draws=5).rates)
    assert not np.array_equal(as_they_came(shifted(), draws=5).rates, as_they_came(shifted(), draws=5, seed=1).rates)


@pytest.mark.parametrize("calibrating", [0, 1500])
def test_somebody_must_calibrate_and_somebody_be_judged(calibrating: int) -> None:
    with pytest.raises(ValueError, match="cannot calibrate"):
        as_they_came(shifted(), calibrating=calibrating)


def test_a_score_that_is_no_number_never_counts_as_calm() -> None:
    with pytest.raises(ValueError, match="finite"):
        p_values([1.0, 2.0], [float("nan")])
