from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.conf import LazySettings
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from moderation.models import Exposure, ReviewCase
from moderation.services import exposure, leases
from moderation.vocabulary import CaseState, Reason
from tests.factories import make_case, make_platform, make_user

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


def at(*minutes: float) -> list[datetime]:
    return [NOON + timedelta(minutes=each) for each in minutes]


@pytest.mark.parametrize(
    ("times", "now", "shown", "unbroken"),
    [
        ((), 0, 0, 0),
        ((0, 5, 9), 12, 3, 12),
        ((0, 5, 30, 35), 36, 4, 6),  # a pause of 25 minutes
        ((0, 5), 20, 2, 0),  # at pause now
        ((0, 5, 300, 301), 302, 2, 2),  # a new shift
        ((0, 5), 300, 0, 0),  # it has ended
    ],
)
def test_it_counts_the_shift_and_the_time_without_a_pause(
    times: tuple[float, ...], now: float, shown: int, unbroken: float
) -> None:
    found = exposure.shift(at(*times), *at(now))
    assert (found.shown, found.unbroken) == (shown, timedelta(minutes=unbroken))


@given(st.lists(st.integers(0, 1440), max_size=12).map(sorted), st.integers(0, 300))
def test_the_time_without_a_pause_lies_inside_the_shift(minutes: list[int], later: int) -> None:
    now = NOON + timedelta(minutes=(minutes[-1] if minutes else 0) + later)
    found = exposure.shift(at(*minutes), now)
    assert 0 <= found.shown <= len(minutes)
    assert found.unbroken <= (now - found.began if found.began else timedelta())


@pytest.mark.django_db
def test_the_same_picture_counts_once_and_each_person_for_themselves() -> None:
    case, other = make_case(), make_case()
    mara, ilya = make_user()[0], make_user()[0]
    for shown in (case, case, other):
        exposure.shown(shown, mara)
    assert (exposure.shift_of(mara).shown, exposure.shift_of(ilya).shown) == (2, 0)


@pytest.mark.django_db
def test_the_cap_is_reached_by_todays_pictures_alone(settings: LazySettings) -> None:
    mara, _ = make_user()
    assert not exposure.cap_is_reached(mara)
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "DAILY_CAP": 2}
    for _ in range(2):
        exposure.shown(make_case(), mara)
    assert exposure.cap_is_reached(mara)
    Exposure.objects.update(shown_at=timezone.now() - timedelta(days=1, minutes=1))
    assert not exposure.cap_is_reached(mara)


@pytest.mark.django_db
def test_it_reminds_of_a_pause_when_the_time_has_come(settings: LazySettings) -> None:
    mara, _ = make_user()
    long = exposure.Shift(30, timezone.now(), timedelta(minutes=50))
    assert exposure.pause_is_due(mara, long)
    assert not exposure.pause_is_due(mara, exposure.Shift(30, timezone.now(), timedelta(minutes=49)))
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "BREAK_MINUTES": 0}
    assert not exposure.pause_is_due(mara, long)


@pytest.mark.django_db
def test_it_forgets_after_a_week() -> None:
    mara, _ = make_user()
    exposure.shown(make_case(), mara)
    exposure.shown(make_case(), mara)
    Exposure.objects.filter(pk=Exposure.objects.first().pk).update(shown_at=timezone.now() - timedelta(days=8))  # type: ignore[union-attr]
    assert exposure.forget() == 1


@pytest.mark.django_db
def test_after_three_grave_cases_a_lighter_one_comes_between() -> None:
    mara, _ = make_user()
    seen = [make_case() for _ in range(3)]
    home = make_platform()
    grave, light = make_case(home), make_case(home)
    for case in (*seen, grave):
        ReviewCase.objects.filter(pk=case.pk).update(reasons=[Reason.AT_BLOCK_LINE])
    ReviewCase.objects.filter(pk__in=[case.pk for case in seen]).update(state=CaseState.CLOSED)
    for case in seen[:2]:
        exposure.shown(case, mara)
    assert exposure.grave_lately(mara) == [True, True]
    exposure.shown(seen[2], mara)
    lease = leases.lease_next(mara)
    assert lease is not None
    assert lease.case == light
