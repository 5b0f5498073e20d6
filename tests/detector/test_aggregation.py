"""Several faces become one p-value that is still one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepfake_guard.detector.aggregation import RULES, item_p_value

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
