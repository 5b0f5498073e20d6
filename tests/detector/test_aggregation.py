"""Several faces become one p-value that is still one."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepfake_guard.detector.aggregation import RULES, item_p_value, judged_at

p_lists = st.lists(st.floats(min_value=1e-6, max_value=1.0), min_size=1, max_size=20)


@given(p_lists)
def test_bonferroni_multiplies_the_least_by_their_number(p_values: list[float]) -> None:
    assert item_p_value(p_values, "bonferroni") == min(1.0, len(p_values) * min(p_values))


@given(p_lists)
def test_any_face_takes_the_least(p_values: list[float]) -> None:
    assert item_p_value(p_values, "any_face") == min(p_values)


@given(p_lists, st.data())
def test_a_smaller_p_of_one_face_never_calms_the_item(p_values: list[float], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(p_values) - 1))
    smaller = [*p_values[:at], p_values[at] * data.draw(st.floats(0.01, 1.0)), *p_values[at + 1 :]]
    for rule in RULES:
        assert item_p_value(smaller, rule) <= item_p_value(p_values, rule)


@pytest.mark.parametrize("p_values", [[], [0.0], [0.2, 1.5], [float("nan")]])
def test_what_is_no_p_value_is_refused(p_values: list[float]) -> None:
    with pytest.raises(ValueError, match="p-value"):
        item_p_value(p_values, "bonferroni")


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown rule"):
        item_p_value([0.5], "mean")


@dataclass(frozen=True)
class Bucket:
    n: int


CHAIN = (Bucket(250), Bucket(700), Bucket(9000))


@pytest.mark.parametrize(
    ("alpha", "faces", "rule", "judged"),
    [
        (0.01, 1, "bonferroni", CHAIN[0]),  # 1/251
        (0.01, 3, "bonferroni", CHAIN[1]),  # 3/251 is above the line, 3/701 is not
        (0.01, 8, "bonferroni", CHAIN[2]),
        (0.01, 8, "any_face", CHAIN[0]),
        (0.01, 100, "bonferroni", None),
    ],
)
def test_a_bucket_too_small_for_a_line_is_judged_at_its_nearest_parent_that_is_not(
    alpha: float, faces: int, rule: str, judged: Bucket | None
) -> None:
    assert judged_at(CHAIN, alpha, faces, rule) is judged


@pytest.mark.parametrize(("faces", "resolved"), [(7, True), (8, False)])
def test_seven_hundred_faces_resolve_one_in_a_hundred_up_to_seven_faces(faces: int, resolved: bool) -> None:
    assert (judged_at([Bucket(700)], 0.01, faces) is not None) is resolved


@given(st.integers(1, 5000), st.integers(1, 40), st.floats(1e-4, 0.5))
def test_where_a_line_is_resolved_a_face_that_nothing_reaches_lies_at_it(n: int, faces: int, alpha: float) -> None:
    lies_at_it = item_p_value([1 / (n + 1)] + [1.0] * (faces - 1), "bonferroni") <= alpha
    assert (judged_at([Bucket(n)], alpha, faces) is not None) == lies_at_it
