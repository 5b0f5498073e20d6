"""When a case is due and whose turn it is: promises that hold for any numbers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.urgency import STEP, Lane, due_at, severity_of, turn
from moderation.vocabulary import Reason, Severity

ARRIVED = datetime(2026, 11, 25, 12, tzinfo=UTC)
severities = st.sampled_from(list(Severity))
p_values = st.none() | st.floats(1e-4, 1)
lines = st.floats(0.001, 1)
weights = st.floats(0, 50)
hours = st.floats(0.5, 24 * 90)


def due(long: float, severity: Severity, p: float | None, line: float, reports: float) -> datetime:
    return due_at(ARRIVED, long, severity, p_value=p, line=line, reports=reports)


@settings(deadline=None)
@given(hours, severities, p_values, lines, weights)
def test_every_case_is_due_within_its_platforms_time(
    long: float, severity: Severity, p: float | None, line: float, reports: float
) -> None:
    assert ARRIVED < due(long, severity, p, line, reports) <= ARRIVED + timedelta(hours=long)


@settings(deadline=None)
@given(hours, severities, severities, p_values, p_values, lines, weights, weights)
def test_what_is_graver_further_past_the_line_or_more_reported_is_never_due_later(
    long: float,
    severity: Severity,
    graver: Severity,
    p: float | None,
    smaller: float | None,
    line: float,
    reports: float,
    more: float,
) -> None:
    severity, graver = sorted((severity, graver))
    reports, more = sorted((reports, more))
    if p is None or smaller is None or smaller > p:
        smaller = p
    assert due(long, graver, smaller, line, more) <= due(long, severity, p, line, reports)


@settings(deadline=None)
@given(hours, severities, lines, weights)
def test_the_score_alone_takes_a_quarter_off_at_most(
    long: float, severity: Severity, line: float, reports: float
) -> None:
    worst, none = due(long, severity, 1e-6, line, reports), due(long, severity, None, line, reports)
    assert (worst - ARRIVED) >= 0.74 * (none - ARRIVED)


def test_how_grave_a_case_is_follows_from_why_it_is_there() -> None:
    assert severity_of([Reason.AT_BLOCK_LINE]) is Severity.HIGH
    assert severity_of([Reason.DECODE_ERROR]) is Severity.LOW
    assert severity_of([Reason.DECODE_ERROR, Reason.USER_REPORT]) is Severity.NORMAL
    assert severity_of([]) is Severity.NORMAL


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(-600, 600), st.integers(0, 50)), min_size=1, max_size=5),
    st.integers(-600, 600),
    st.integers(0, 20),
    st.floats(0.5, 5),
)
def test_no_platform_starves_however_the_others_flood(
    floods: list[tuple[int, int]], victims_due: int, served: int, minutes_a_pick: float
) -> None:
    """The others always have another case as urgent as their first; one case of one platform still gets its turn:
    once late, after at most one pick more for each other platform than evens out what was served.
    """
    now, picked = ARRIVED, [count for _, count in floods]
    heads = [ARRIVED + timedelta(minutes=at) for at, _ in floods]
    victim = Lane("victim", ARRIVED + timedelta(minutes=victims_due), served)
    left: int | None = None
    while left is None or left > 0:
        if victim.head <= now:
            left = left - 1 if left is not None else sum(max(0, served - count) + 1 for count in picked) + 1
        lanes = [Lane(at, head, picked[at]) for at, head in enumerate(heads)]
        chosen = turn([*lanes, victim], now)
        if chosen is victim:
            return
        picked[lanes.index(chosen)] += 1
        now += timedelta(minutes=minutes_a_pick)
    pytest.fail("late, and still not served")


@settings(deadline=None)
@given(st.integers(0, 600), st.integers(0, 50), st.integers(0, 600), st.integers(0, 20))
def test_before_anything_is_late_a_flood_puts_its_platform_back_step_by_step(
    flood_due: int, count: int, victims_due: int, served: int
) -> None:
    head, due = (ARRIVED + timedelta(minutes=1 + minutes) for minutes in (flood_due, victims_due))
    victim = Lane("victim", due, served)
    for more in range(max(0, served - count) + max(0, int((due - head) / STEP)) + served + 2):
        if turn([Lane("flood", head, count + more), victim], ARRIVED) is victim:
            return
    pytest.fail("not served")


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 600), st.integers(0, 30)), min_size=1, max_size=6))
def test_a_late_case_waits_until_the_others_were_served_as_often(lanes: list[tuple[int, int]]) -> None:
    made = [Lane(at, ARRIVED - timedelta(minutes=late), served) for at, (late, served) in enumerate(lanes)]
    assert turn(made, ARRIVED).served == min(lane.served for lane in made)


def test_the_most_urgent_case_comes_first_where_all_were_served_alike() -> None:
    early, late = Lane("a", ARRIVED + timedelta(hours=1), 3), Lane("b", ARRIVED + timedelta(hours=2), 3)
    assert turn([late, early], ARRIVED) == early
