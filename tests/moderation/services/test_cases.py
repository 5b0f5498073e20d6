"""Who holds a case, in which order they come, and for how long."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from moderation.models import ReviewCase
from moderation.services import cases, decisions
from moderation.vocabulary import DecisionValue
from tests import factories

pytestmark = pytest.mark.django_db


def test_the_most_urgent_free_case_comes_first_and_a_skipped_one_later() -> None:
    late, urgent = factories.make_case(), factories.make_case()
    ReviewCase.objects.filter(pk=urgent.pk).update(due_at=timezone.now())
    urgent.refresh_from_db()
    (first, _), (second, _) = factories.make_user(), factories.make_user()
    lease = cases.lease_next(first)
    assert lease is not None
    assert lease.case == urgent
    other = cases.lease_next(second)
    assert other is not None
    assert other.case == late, "what somebody holds is passed over"
    cases.release(late, other.token)
    skipped = cases.lease_next(first, after=urgent)
    assert skipped is not None
    assert skipped.case == late
    assert cases.lease_next(first, after=late) is None


def test_a_lease_ends_by_itself_unless_it_is_renewed() -> None:
    case = factories.make_case()
    (first, _), (second, _) = factories.make_user(), factories.make_user()
    lease = cases.lease(case, first)
    assert lease is not None
    assert timedelta(seconds=290) < lease.until - timezone.now() <= timedelta(seconds=300)
    ReviewCase.objects.update(lease_until=timezone.now() + timedelta(seconds=1))
    renewed = cases.renew(case, lease.token)
    assert renewed is not None
    assert renewed > lease.until
    ReviewCase.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert cases.lease(case, second) is not None
    assert cases.renew(case, lease.token) is None


def test_only_the_token_releases() -> None:
    case = factories.make_case()
    (first, _), (second, _) = factories.make_user(), factories.make_user()
    stale = cases.lease(case, first)
    lease = cases.lease(case, first)  # the same person in a second window
    assert stale is not None
    assert lease is not None
    assert not cases.release(case, stale.token)
    assert cases.lease(case, second) is None
    assert cases.release(case, lease.token)
    assert cases.lease(case, second) is not None


def test_a_decided_case_is_neither_leased_nor_renewed() -> None:
    case = factories.make_case()
    factories.conclude(case, DecisionValue.GENUINE)
    user, _ = factories.make_user()
    assert cases.lease(case, user) is None
    assert cases.lease_next(user) is None


def test_an_undone_cannot_tell_does_not_bar_a_person_from_the_case() -> None:
    case = factories.make_case()
    decision = factories.pending(case, DecisionValue.CANNOT_TELL, reasons=[])
    assert decisions.undo(decision, decision.user) is not None
    assert cases.lease(case, decision.user) is not None
