from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepfake_guard.detector.explain import strip as geometry
from moderation.templatetags import figures

BUCKET: dict[str, Any] = {"n": 700, "edges": [0.0, 1.0, 2.0, 3.0, 4.0], "counts": [640, 40, 15, 5]}


@given(p=st.floats(1e-4, 1), q=st.floats(1e-4, 1))
def test_it_draws_the_smaller_p_further_right(p: float, q: float) -> None:
    left, right = figures.track(max(p, q), 700, 0.01).at, figures.track(min(p, q), 700, 0.01).at
    assert left <= right


def test_it_starts_the_grey_end_where_n_can_tell_no_more() -> None:
    few, many = figures.track(0.5, 100, 0.05), figures.track(0.5, 900, 0.05)
    assert few.end < many.end
    assert few.end == pytest.approx(2 + 104 / 3 * 2.0043, abs=0.1)
    assert few.zone + few.zone_width == pytest.approx(few.end)


def test_it_has_no_tinted_zone_where_the_line_lies_beyond_the_limit() -> None:
    assert figures.track(0.5, 50, 0.001).zone_width == 0


@given(score=st.floats(-5, 50))
def test_it_keeps_every_face_inside_the_strip(score: float) -> None:
    strip = geometry.strip(BUCKET, score, 0.01)
    assert strip.at is not None
    assert 0 <= strip.at <= geometry.WIDTH
    assert all(0 <= bar.x <= geometry.WIDTH and bar.y >= 0 for bar in strip.bars)


def test_it_shows_the_bars_in_proportion_to_the_counts() -> None:
    bars = geometry.strip(BUCKET, None, None).bars
    assert [bar.height for bar in bars] == sorted((bar.height for bar in bars), reverse=True)
    assert bars[0].height == pytest.approx(60)


@given(p=st.floats(0.002, 0.999))
def test_it_puts_the_review_line_where_that_share_of_faces_lies_beyond(p: float) -> None:
    score = geometry.score_at(BUCKET["edges"], BUCKET["counts"], p)
    beyond = sum(
        count * min(1.0, max(0.0, right - score))
        for right, count in zip(BUCKET["edges"][1:], BUCKET["counts"], strict=True)
    )
    assert (1 + beyond) / 701 == pytest.approx(p, abs=0.002)


def test_it_draws_no_review_line_where_everything_is_reviewed() -> None:
    assert geometry.strip(BUCKET, 1.0, 1.0).limit is None
