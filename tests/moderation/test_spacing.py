from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.spacing import IN_A_ROW, LOOKED_AHEAD, Waiting, next_for

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
kinds = st.lists(st.booleans(), min_size=1, max_size=8)


def waiting(*grave: bool, minutes: int = 5) -> list[Waiting]:
    return [Waiting(place, NOW + timedelta(minutes=minutes + place), kind) for place, kind in enumerate(grave)]


@pytest.mark.parametrize(
    ("recent", "grave", "chosen"),
    [
        ((), (True, False), 0),
        ((True, True), (True, False), 0),
        ((True, True, True), (True, True, False), 2),
        ((True, True, True), (False, False), 0),
        ((True, True, True), (True, True), 0),
        ((False, True, True, True), (True, False), 0),
    ],
)
def test_a_lighter_case_comes_after_three_grave_ones(
    recent: tuple[bool, ...], grave: tuple[bool, ...], chosen: int
) -> None:
    assert next_for(recent, waiting(*grave), NOW).name == chosen


@given(kinds, kinds)
def test_a_late_case_is_never_passed_over(recent: list[bool], grave: list[bool]) -> None:
    assert next_for(recent, waiting(*grave, minutes=0), NOW).name == 0


@given(st.lists(st.booleans(), min_size=12, max_size=20))
def test_no_run_of_grave_cases_is_longer_than_three_while_a_lighter_one_is_near(grave: list[bool]) -> None:
    left, longest = waiting(*grave), 0
    seen: list[bool] = []
    while any(not case.grave for case in left[:LOOKED_AHEAD]):
        case = next_for(seen[::-1], left, NOW)
        left.remove(case)
        seen.append(case.grave)
        run = next((at for at, kind in enumerate(reversed(seen)) if not kind), len(seen))
        longest = max(longest, run)
    assert longest <= IN_A_ROW
