"""Two of two, blind; "cannot tell" to a second person; a split to a senior."""

from __future__ import annotations

import pytest

from moderation import queries
from moderation.models import Decision, Event, PolicyVersion, ReviewCase
from moderation.services import decisions, leases
from moderation.vocabulary import CaseState, DecisionValue, Effect, EventType, Reason, Role
from tests.factories import conclude, make_case, make_platform, make_user, pending

pytestmark = pytest.mark.django_db
SYNTHETIC, GENUINE, UNSURE = DecisionValue.SYNTHETIC, DecisionValue.GENUINE, DecisionValue.CANNOT_TELL


def case_for_two() -> ReviewCase:
    platform = make_platform()
    policy = PolicyVersion.objects.get(platform=platform)
    PolicyVersion.objects.filter(pk=policy.pk).update(rules={**policy.rules, "opinions": 2})
    return make_case(platform)


def told(case: ReviewCase) -> int:
    return Event.objects.filter(item=case.item, type=EventType.DECISION_MADE).count()


def test_the_platform_hears_only_when_two_agree() -> None:
    case = case_for_two()
    first = conclude(case, SYNTHETIC)
    case.refresh_from_db()
    assert (case.state, told(case), case.item.verdicts.count()) == (CaseState.OPEN, 0, 1)
    assert leases.lease(case, first.user) is None, "one person is not two"
    second = conclude(case, SYNTHETIC)
    case.refresh_from_db()
    assert (case.state, told(case)) == (CaseState.CLOSED, 1)
    assert case.item.verdicts.get(current=True).decision == second


def test_what_the_first_said_stays_untold_until_the_second_has_spoken() -> None:
    case = case_for_two()
    conclude(case, SYNTHETIC)
    assert queries.history(case.item)[1] == []
    conclude(case, SYNTHETIC)
    assert len(queries.history(case.item)[1]) == 2


def test_a_split_goes_to_a_senior_whose_word_is_enough() -> None:
    case = case_for_two()
    conclude(case, SYNTHETIC)
    conclude(case, GENUINE)
    case.refresh_from_db()
    assert (case.state, told(case)) == (CaseState.OPEN, 0)
    assert case.escalated_at is not None
    assert Reason.OPINIONS_DIFFER in case.reasons
    assert leases.lease(case, make_user()[0]) is None
    conclude(case, GENUINE, user=make_user(Role.SENIOR)[0])
    case.refresh_from_db()
    assert (case.state, told(case)) == (CaseState.CLOSED, 1)


def test_two_of_one_mind_who_ask_for_different_effects_leave_it_to_the_policy() -> None:
    case = case_for_two()
    conclude(case, SYNTHETIC, effect=Effect.LABEL)
    conclude(case, SYNTHETIC, effect=Effect.RESTRICT)
    assert case.item.verdicts.get(current=True).effect == Effect.REMOVE
    assert set(Decision.objects.values_list("effect", flat=True)) == {Effect.LABEL, Effect.RESTRICT}


def test_two_who_cannot_tell_leave_it_to_a_senior() -> None:
    case = make_case()
    conclude(case, UNSURE, reasons=[])
    case.refresh_from_db()
    assert (case.state, case.escalated_at) == (CaseState.OPEN, None)
    conclude(case, UNSURE, reasons=[])
    case.refresh_from_db()
    assert case.escalated_at is not None
    assert Reason.NOBODY_CAN_TELL in case.reasons


def test_what_the_first_took_back_stays_untold_too() -> None:
    case = case_for_two()
    first, _ = make_user()
    decision = pending(case, SYNTHETIC, user=first)
    assert decisions.undo(decision, first) is not None
    assert queries.history(case.item)[1] == []
    assert queries.decisions_on(case) == []
