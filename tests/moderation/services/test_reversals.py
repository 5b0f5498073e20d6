"""A senior's reversal: new rows, a reason, an event; nothing is edited."""

from __future__ import annotations

import uuid

import pytest

from moderation.models import Decision, Event, Verdict
from moderation.services import appeals, decisions
from moderation.vocabulary import DecisionValue, Effect, EventType, Role
from tests.factories import conclude, make_case, make_user

pytestmark = pytest.mark.django_db
GENUINE, SYNTHETIC = DecisionValue.GENUINE, DecisionValue.SYNTHETIC


def test_it_adds_a_decision_and_a_verdict_and_tells_the_platform() -> None:
    case = make_case()
    first = conclude(case, SYNTHETIC)
    before = Verdict.objects.get(decision=first)
    senior, _ = make_user(Role.SENIOR)
    second = decisions.reverse(case, senior, first.pk, GENUINE, why="The camera's own file came in.")
    assert second.reverses == first
    assert Verdict.objects.get(item=case.item, current=True).decision == second
    first.refresh_from_db()
    assert (first.value, first.effect) == (SYNTHETIC, Effect.REMOVE)
    assert Verdict.objects.filter(pk=before.pk, outcome=before.outcome, effect=before.effect, current=False).exists()
    told = Event.objects.get(type=EventType.DECISION_REVERSED).payload["data"]
    assert (told["decision"], told["effect"]) == (GENUINE, Effect.ALLOW)


def test_it_needs_a_reason() -> None:
    case = make_case()
    first = conclude(case, SYNTHETIC)
    with pytest.raises(decisions.ReasonMissing):
        decisions.reverse(case, make_user(Role.SENIOR)[0], first.pk, GENUINE, why="  ")


def test_it_refuses_what_would_change_nothing_and_what_is_not_in_force() -> None:
    case = make_case()
    first = conclude(case, SYNTHETIC)
    senior, _ = make_user(Role.SENIOR)
    for seen, value in ((first.pk, SYNTHETIC), (first.pk, DecisionValue.CANNOT_TELL), (uuid.uuid4(), GENUINE)):
        with pytest.raises(decisions.NotReversible):
            decisions.reverse(case, senior, seen, value, why="because")
    decisions.reverse(case, senior, first.pk, GENUINE, why="because")
    with pytest.raises(decisions.NotReversible, match="not in force"):
        decisions.reverse(case, senior, first.pk, GENUINE, why="a second click")
    assert Decision.objects.count() == 2


def test_a_reversal_may_ask_for_another_effect_alone() -> None:
    case = make_case()
    first = conclude(case, SYNTHETIC)
    decisions.reverse(
        case, make_user(Role.SENIOR)[0], first.pk, SYNTHETIC, why="a label is enough", effect=Effect.LABEL
    )
    assert case.item.verdicts.get(current=True).effect == Effect.LABEL


def test_it_waits_for_an_appeal_that_is_being_heard() -> None:
    case = make_case()
    first = conclude(case, SYNTHETIC)
    appeals.open_appeal(case.item, "", actor="system")
    with pytest.raises(decisions.NotReversible, match="looking at this item again"):
        decisions.reverse(case, make_user(Role.SENIOR)[0], first.pk, GENUINE, why="because")
