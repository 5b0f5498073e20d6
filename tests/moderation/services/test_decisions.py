"""Ten seconds to think again; then it counts, unless what it was about has gone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from moderation.models import AuditEntry, Decision, Event, ReviewCase
from moderation.services import decisions, leases, retention
from moderation.vocabulary import CaseState, DecisionReason, DecisionState, DecisionValue, Effect, EventType, Outcome
from tests import factories

pytestmark = pytest.mark.django_db


def made(case: ReviewCase) -> int:
    return Event.objects.filter(item=case.item, type=EventType.DECISION_MADE).count()


@pytest.mark.parametrize(
    ("value", "outcome", "effect"),
    [
        (DecisionValue.SYNTHETIC, Outcome.BLOCK, Effect.REMOVE),
        (DecisionValue.ALTERED, Outcome.ALLOW, Effect.LABEL),
        (DecisionValue.GENUINE, Outcome.ALLOW, Effect.ALLOW),
    ],
)
def test_a_decision_asks_for_what_the_policy_says(value: DecisionValue, outcome: Outcome, effect: Effect) -> None:
    case = factories.make_case()
    factories.conclude(case, value)
    verdict = case.item.verdicts.get(current=True)
    case.refresh_from_db()
    assert (verdict.outcome, verdict.effect, case.state, made(case)) == (outcome, effect, CaseState.CLOSED, 1)


def test_the_moderator_may_ask_for_another_effect() -> None:
    case = factories.make_case()
    factories.conclude(case, DecisionValue.SYNTHETIC, effect=Effect.LABEL)
    assert case.item.verdicts.get(current=True).effect == Effect.LABEL


def test_cannot_tell_asks_for_nothing_and_tells_the_platform_nothing() -> None:
    case = factories.make_case()
    decision = factories.conclude(case, DecisionValue.CANNOT_TELL, reasons=[], effect=Effect.REMOVE)
    case.refresh_from_db()
    assert (decision.effect, case.state, made(case)) == (Effect.NONE, CaseState.OPEN, 0)
    assert case.item.verdicts.count() == 1


def test_a_case_that_settles_is_nobody_elses_meanwhile() -> None:
    case = factories.make_case()
    factories.pending(case)
    other, _ = factories.make_user()
    assert leases.lease_next(other) is None
    assert leases.lease(case, other) is None


def test_one_does_not_undo_what_somebody_else_decided() -> None:
    decision = factories.pending(factories.make_case())
    other, _ = factories.make_user()
    assert decisions.undo(decision, other) is None
    assert decisions.settle(decision.pk)


def test_undo_comes_too_late_for_what_has_settled() -> None:
    decision = factories.conclude(factories.make_case())
    assert decisions.undo(decision, decision.user) is None
    assert made(decision.case) == 1


def test_after_an_undo_the_same_person_decides_again() -> None:
    case = factories.make_case()
    decision = factories.pending(case)
    lease = decisions.undo(decision, decision.user)
    assert lease is not None
    again = decisions.decide(case, decision.user, lease.token, DecisionValue.GENUINE)
    assert again.pk != decision.pk
    assert Decision.objects.filter(case=case, state=DecisionState.PENDING).get() == again


def test_holding_the_bar_puts_settling_off_by_a_minute_at_most() -> None:
    decision = factories.pending(factories.make_case())
    assert decisions.hold(decision, decision.user)
    decision.refresh_from_db()
    assert timedelta(seconds=8) < decision.settle_at - timezone.now() <= timedelta(seconds=10)
    assert not decisions.settle(decision.pk)
    Decision.objects.update(created_at=timezone.now() - timedelta(seconds=57), settle_at=timezone.now())
    decision.refresh_from_db()
    assert decisions.hold(decision, decision.user)
    decision.refresh_from_db()
    assert decision.settle_at == decision.created_at + timedelta(seconds=60)
    assert not decisions.hold(decision, decision.user)


def test_a_decision_about_an_erased_item_is_void() -> None:
    decision = factories.pending(factories.make_case())
    retention.erase(decision.case.item, actor="system")
    assert not decisions.settle(decision.pk)
    decision.refresh_from_db()
    assert (decision.state, decision.void_reason, made(decision.case)) == (DecisionState.VOID, "item_erased", 0)


def test_a_decision_about_content_that_was_replaced_meanwhile_is_void_with_a_reason() -> None:
    platform = factories.make_platform()
    case = factories.make_case(platform, external_id="post-x")
    decision = factories.pending(case)
    factories.make_item(platform, external_id="post-x")
    assert decisions.settle(decision.pk)
    decision.refresh_from_db()
    case.refresh_from_db()
    assert (decision.state, decision.void_reason, case.state) == (DecisionState.VOID, "superseded", CaseState.CLOSED)
    assert made(case) == 0
    assert AuditEntry.objects.filter(action="decision.void").exists()


def test_the_sweeper_settles_what_is_due_and_nothing_else() -> None:
    due, early = factories.pending(factories.make_case()), factories.pending(factories.make_case())
    Decision.objects.filter(pk=early.pk).update(settle_at=timezone.now() + timedelta(seconds=9))
    assert decisions.settle_due() == 1
    states = [Decision.objects.get(pk=decision.pk).state for decision in (due, early)]
    assert states == [DecisionState.SETTLED, DecisionState.PENDING]


def test_a_lost_lease_is_told_with_what_happened_instead() -> None:
    case = factories.make_case()
    user, _ = factories.make_user()
    lease = leases.lease(case, user)
    assert lease is not None
    ReviewCase.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    taken = factories.pending(case)
    with pytest.raises(decisions.LeaseLost) as lost:
        decisions.decide(case, user, lease.token, DecisionValue.GENUINE)
    assert lost.value.decision == taken
    assert lost.value.case.state == CaseState.SETTLING


def test_a_word_that_is_no_reason_is_refused() -> None:
    case = factories.make_case()
    user, _ = factories.make_user()
    lease = leases.lease(case, user)
    assert lease is not None
    with pytest.raises(ValueError, match="looks odd"):
        decisions.decide(case, user, lease.token, DecisionValue.SYNTHETIC, reasons=["looks odd"])
    reason = next(iter(DecisionReason))
    assert decisions.decide(case, user, lease.token, DecisionValue.SYNTHETIC, reasons=[reason])
