from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import hypothesis
import pytest
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from moderation import spacing
from moderation.models import FREE, Exposure, ReviewCase
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


GRAVE_OR_NOT = {True: [Reason.AT_BLOCK_LINE], False: [Reason.AT_REVIEW_LINE]}


def shown_in_turn(user: User) -> Iterator[int]:
    """Numbers of the cases as one person sees them: each shown, two leased ahead, decided."""
    while lease := leases.lease_next(user):
        yield lease.case.pk
        leases.show(lease.case, user)
        exposure.shown(lease.case, user)
        leases.lease_ahead(user)
        ReviewCase.objects.filter(pk=lease.case.pk).update(state=CaseState.CLOSED)


@pytest.mark.django_db
def test_no_run_of_grave_cases_is_longer_than_three_while_a_lighter_one_waits_near() -> None:
    home, (mara, _) = make_platform(), make_user()
    made = [make_case(home) for _ in range(9)]  # fewer than are looked through for a lighter one

    @given(st.lists(st.booleans(), min_size=len(made), max_size=len(made)))
    @hypothesis.settings(max_examples=8, deadline=None, derandomize=True)
    def holds(grave: list[bool]) -> None:
        Exposure.objects.all().delete()
        ReviewCase.objects.update(state=CaseState.OPEN, **FREE)
        kinds = {case.pk: kind for case, kind in zip(made, grave, strict=True)}
        for kind, reasons in GRAVE_OR_NOT.items():
            ReviewCase.objects.filter(pk__in=[pk for pk, one in kinds.items() if one is kind]).update(reasons=reasons)
        seen = [kinds[number] for number in shown_in_turn(mara)]
        assert sorted(seen) == sorted(grave), "each once"
        last_light = max((place for place, kind in enumerate(seen) if not kind), default=0)
        runs = itertools.groupby(seen[:last_light])
        assert max((len(list(run)) for kind, run in runs if kind), default=0) <= spacing.IN_A_ROW

    holds()


@pytest.mark.django_db
def test_what_was_chosen_ahead_is_shown_in_the_order_in_which_it_was_chosen() -> None:
    home, (mara, _) = make_platform(), make_user()
    made = [make_case(home) for _ in range(6)]
    ReviewCase.objects.filter(pk__in=[case.pk for case in made[:5]]).update(reasons=GRAVE_OR_NOT[True])
    first, second, third, fourth, fifth, light = (case.pk for case in made)
    assert list(shown_in_turn(mara)) == [first, second, third, light, fourth, fifth]


@pytest.mark.django_db
def test_skipping_passes_over_nothing_that_was_chosen_to_come_next() -> None:
    home, (mara, _) = make_platform(), make_user()
    made = [make_case(home) for _ in range(6)]
    ReviewCase.objects.filter(pk__in=[case.pk for case in made[:5]]).update(reasons=GRAVE_OR_NOT[True])
    for case in made[:2]:
        ReviewCase.objects.filter(pk=case.pk).update(state=CaseState.CLOSED)
        exposure.shown(case, mara)
    lease, skipped = leases.lease_next(mara), list[int]()
    while lease is not None:
        skipped.append(lease.case.pk)
        leases.release(lease.case, lease.token)
        lease = leases.lease_next(mara, after=ReviewCase.objects.get(pk=lease.case.pk))
    assert skipped[:3] == [made[2].pk, made[5].pk, made[3].pk]


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
