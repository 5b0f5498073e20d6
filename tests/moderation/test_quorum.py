"""When what people said is enough."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.quorum import Step, next_step
from moderation.vocabulary import DecisionValue

S, A, G, U = DecisionValue.SYNTHETIC, DecisionValue.ALTERED, DecisionValue.GENUINE, DecisionValue.CANNOT_TELL


@pytest.mark.parametrize(
    ("said", "needed", "senior", "step"),
    [
        ([S], 1, False, Step.CONCLUDE),
        ([U], 1, False, Step.ASK_ANOTHER),
        ([U, G], 1, False, Step.CONCLUDE),
        ([U, U], 1, False, Step.ASK_SENIOR),
        ([S], 2, False, Step.ASK_ANOTHER),
        ([S, S], 2, False, Step.CONCLUDE),
        ([S, A], 2, False, Step.ASK_SENIOR),
        ([S, U], 2, False, Step.ASK_ANOTHER),
        ([S, U, S], 2, False, Step.CONCLUDE),
        ([S, U, U], 2, False, Step.ASK_SENIOR),
        ([S, A, G], 2, True, Step.CONCLUDE),
        ([S], 2, True, Step.CONCLUDE),
        ([U, U, U], 1, True, Step.ASK_SENIOR),
    ],
)
def test_one_or_two_of_one_mind_are_enough_and_a_split_goes_to_a_senior(
    said: list[DecisionValue], needed: int, senior: bool, step: Step
) -> None:
    assert next_step(said, needed, senior=senior) is step


@settings(deadline=None)
@given(st.lists(st.sampled_from([S, A, G, U]), min_size=1, max_size=6), st.sampled_from([1, 2]), st.booleans())
def test_nothing_is_concluded_from_too_few_or_from_people_who_part(
    said: list[DecisionValue], needed: int, senior: bool
) -> None:
    if next_step(said, needed, senior=senior) is Step.CONCLUDE and not senior:
        told = [value for value in said if value is not U]
        assert len(told) >= needed
        assert needed == 1 or len(set(told)) == 1


@settings(deadline=None)
@given(st.sampled_from([1, 2]), st.permutations([S, A, G, U, U]))
def test_three_people_at_most_are_asked_before_a_senior(needed: int, said: list[DecisionValue]) -> None:
    steps = [next_step(said[: place + 1], needed, senior=False) for place in range(3)]
    assert any(step is not Step.ASK_ANOTHER for step in steps)
