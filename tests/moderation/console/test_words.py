from __future__ import annotations

import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepfake_guard.detector.explain import words as said_of_faces
from moderation.templatetags import amounts, words
from moderation.vocabulary import (
    DecisionValue,
    Effect,
    EventType,
    ItemStatus,
    Outcome,
    Reason,
    Statement,
)


@pytest.mark.parametrize(
    ("reached", "n", "said"),
    [
        (0, 700, "0 of 700 genuine faces looked this unusual"),
        (3, 700, "3 of 700 genuine faces looked this unusual"),
        (9, 700, "9 of 700 genuine faces looked this unusual"),
        (16, 700, "About 1 in 41 genuine faces look this unusual"),
        (24, 899, "About 1 in 36 genuine faces look this unusual"),
        (10, 1999, "About 1 in 180 genuine faces look this unusual"),
        (300, 700, "About 4 in 10 genuine photos look this unusual"),
        (500, 700, "Most genuine photos look at least this unusual"),
    ],
)
def test_it_says_how_unusual_a_face_is_in_plain_words(reached: int, n: int, said: str) -> None:
    assert said_of_faces.finding((1 + reached) / (n + 1), n, reached) == said


@given(n=st.integers(20, 5000), share=st.floats(0, 1))
def test_it_never_says_more_digits_than_n_allows(n: int, share: float) -> None:
    reached = int(share * n)
    said = said_of_faces.finding((1 + reached) / (n + 1), n, reached)
    figures = [figure.replace(",", "") for figure in re.findall(r"[\d,]+", said)]
    if reached < 10:
        assert figures == [str(reached), str(n)]
    else:
        assert all(len(figure.rstrip("0")) <= 2 for figure in figures)


@given(n=st.integers(20, 5000), share=st.floats(0, 1))
def test_it_never_calls_a_face_genuine_or_synthetic(n: int, share: float) -> None:
    reached = int(share * n)
    p = (1 + reached) / (n + 1)
    assert said_of_faces.finding(p, n, reached) != ""
    assert "yet" in words.fine_print(p, n, reached)


def test_it_names_the_limit_where_no_calibration_face_is_as_unusual() -> None:
    assert words.fine_print(1 / 900, 899, 0) == (
        "None of 899 genuine calibration faces is as unusual, and 1 in 900 is as far as this detector can tell. "
        "Unusual is not yet synthetic: that is yours to decide."
    )


@pytest.mark.parametrize(
    ("p", "said"),
    [
        (1 / 701, "0.0014"),
        (7 / 701, "0.010"),
        (0.0342, "0.034"),
        (70 / 701, "0.10"),
        (0.34, "0.34"),
        (1.0, "1"),
        (0.999, "1"),
        (None, "–"),
    ],
)
def test_it_writes_p_values_with_two_figures(p: float | None, said: str) -> None:
    assert said_of_faces.p_text(p) == said


@pytest.mark.parametrize(
    ("table", "values"),
    [
        (words.REASONS, Reason),
        (words.DECISIONS, DecisionValue),
        (words.EFFECTS, Effect),
        (words.EVENTS, EventType),
        (words.STATUSES, ItemStatus),
        (words.OUTCOMES, Outcome),
        (words.STATEMENTS, Statement),
    ],
)
def test_it_has_words_for_every_value(table: dict[str, str], values: type) -> None:
    assert {str(value) for value in table} == {value.value for value in values}  # type: ignore[attr-defined]
    assert all(table.values())


def test_it_leaves_remarks_out_of_the_reason_for_a_review() -> None:
    assert words.why(["at_review_line", "low_quality_face_finder"]) == "Reaches the review line"


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (timedelta(seconds=20), "< 1 min"),
        (timedelta(minutes=12), "12 min"),
        (timedelta(hours=3, minutes=8), "3 h 08 min"),
        (timedelta(days=2, hours=4), "2 d 4 h"),
    ],
)
def test_it_says_how_long(length: timedelta, said: str) -> None:
    assert amounts.span(length) == said
