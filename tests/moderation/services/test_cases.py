"""Who holds a case, in which order they come, and for how long."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.utils import timezone

from moderation.models import AuditEntry, ReviewCase
from moderation.services import decisions, leases
from moderation.vocabulary import DecisionValue
from tests import factories

pytestmark = pytest.mark.django_db


def test_the_most_urgent_free_case_comes_first_and_a_skipped_one_later() -> None:
    made = [factories.make_case() for _ in range(5)]
    ReviewCase.objects.filter(pk=made[4].pk).update(due_at=timezone.now())
    (first, _), (second, _) = factories.make_user(), factories.make_user()
    lease = leases.lease_next(first)
    assert lease is not None
    assert lease.case == made[4]
    other = leases.lease_next(second)
    assert other is not None
    assert other.case == made[2], "what somebody holds is passed over"
    leases.release(lease.case, lease.token)
    skipped = leases.lease_next(first, after=lease.case)
    assert skipped is not None
    assert skipped.case == made[0]
    last = ReviewCase.objects.order_by("due_at").last()
    assert leases.lease_next(first, after=last) is None


def test_next_holds_three_and_shows_them_in_turn() -> None:
    made = [factories.make_case() for _ in range(5)]
    user, _ = factories.make_user()
    lease = leases.lease_next(user)
    assert lease is not None
    held = ReviewCase.objects.filter(holder=user)
    assert set(held) == set(made[:3])
    assert {case.lease_token for case in held} >= {lease.token}
    waiting = {case.pk: case.lease_token for case in held if case != lease.case}
    leases.release(lease.case, lease.token)
    following = leases.lease_next(user, after=lease.case)
    assert following is not None
    assert waiting[following.case.pk] == following.token, "the hold goes on under its token"
    assert held.all().count() == 2, "nobody waits for what comes after"
    leases.show(following.case, user)
    assert leases.lease_ahead(user) == 1
    assert held.all().count() == 3, "two wait again"
    assert leases.lease_ahead(user) == 0


def test_nothing_is_taken_ahead_for_who_opens_one_case_by_hand() -> None:
    made = [factories.make_case() for _ in range(3)]
    user, _ = factories.make_user()
    assert leases.lease(made[0], user)
    leases.show(made[0], user)
    assert leases.lease_ahead(user) == 0
    assert ReviewCase.objects.filter(holder=user).count() == 1


def test_a_case_that_is_fetched_ahead_counts_as_viewed_only_when_it_is_shown() -> None:
    for _ in range(3):
        factories.make_case()
    user, _ = factories.make_user()
    lease = leases.lease_next(user)
    assert lease is not None
    assert leases.show(lease.case, user)
    assert not leases.show(lease.case, user), "once"
    assert ReviewCase.objects.filter(holder=user, shown_at=None).count() == 2
    shown = AuditEntry.objects.filter(action="case.shown", actor=f"user:{user.pk}")
    assert [entry.subject for entry in shown] == [f"case:{lease.case.pk}"]
    stranger, _ = factories.make_user()
    assert not leases.show(lease.case, stranger)


def test_a_heartbeat_reports_that_the_page_lives_and_renews_from_the_last_input_alone() -> None:
    user, _ = factories.make_user()
    lease = leases.lease(factories.make_case(), user)
    assert lease is not None
    ReviewCase.objects.update(lease_until=timezone.now() + timedelta(seconds=50), alive_at=None)
    until = leases.renew(lease.case, lease.token, idle=timedelta(seconds=290))
    assert until is not None
    assert until - timezone.now() < timedelta(seconds=51), "no input since, so no later end"
    assert ReviewCase.objects.get().alive_at is not None
    until = leases.renew(lease.case, lease.token, idle=timedelta(seconds=29))
    assert until is not None
    assert timedelta(seconds=269) < until - timezone.now() <= timedelta(seconds=271)


def test_nobody_holds_a_case_for_more_than_ten_minutes_without_input(settings: LazySettings) -> None:
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "CASE_LEASE_SECONDS": 3600}
    user, _ = factories.make_user()
    lease = leases.lease(factories.make_case(), user)
    assert lease is not None
    assert lease.until - timezone.now() <= timedelta(minutes=10)


def test_everything_goes_back_at_once() -> None:
    for _ in range(4):
        factories.make_case()
    user, _ = factories.make_user()
    lease = leases.lease_next(user)
    assert lease is not None
    leases.show(lease.case, user)
    assert leases.release_ahead(user) == 2
    assert leases.release_all(user) == 1
    assert not ReviewCase.objects.exclude(holder=None, lease_token=None, lease_until=None, shown_at=None).exists()


def test_a_lease_ends_by_itself_unless_it_is_renewed() -> None:
    case = factories.make_case()
    (first, _), (second, _) = factories.make_user(), factories.make_user()
    lease = leases.lease(case, first)
    assert lease is not None
    assert timedelta(seconds=290) < lease.until - timezone.now() <= timedelta(seconds=300)
    ReviewCase.objects.update(lease_until=timezone.now() + timedelta(seconds=1))
    renewed = leases.renew(case, lease.token)
    assert renewed is not None
    assert renewed > lease.until
    ReviewCase.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert leases.lease(case, second) is not None
    assert leases.renew(case, lease.token) is None


def test_only_the_token_releases() -> None:
    case = factories.make_case()
    (first, _), (second, _) = factories.make_user(), factories.make_user()
    stale = leases.lease(case, first)
    lease = leases.lease(case, first)  # the same person in a second window
    assert stale is not None
    assert lease is not None
    assert not leases.release(case, stale.token)
    assert leases.lease(case, second) is None
    assert leases.release(case, lease.token)
    assert leases.lease(case, second) is not None


def test_a_decided_case_is_neither_leased_nor_renewed() -> None:
    case = factories.make_case()
    factories.conclude(case, DecisionValue.GENUINE)
    user, _ = factories.make_user()
    assert leases.lease(case, user) is None
    assert leases.lease_next(user) is None


def test_an_undone_cannot_tell_does_not_bar_a_person_from_the_case() -> None:
    case = factories.make_case()
    decision = factories.pending(case, DecisionValue.CANNOT_TELL, reasons=[])
    assert decisions.undo(decision, decision.user) is not None
    assert leases.lease(case, decision.user) is not None
