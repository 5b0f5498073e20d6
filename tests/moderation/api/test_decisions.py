"""`cases/{id}/decisions`: pending for ten seconds, then it counts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from moderation.api.decisions import EXAMPLE
from moderation.models import Decision, Event, ReviewCase, Verdict
from moderation.services import leases, platforms
from moderation.vocabulary import EventType
from tests import factories
from tests.moderation.api.conftest import Caller
from tests.moderation.api.desk import NOBODY, claim, code, decide, token_of


@pytest.fixture
def desk(caller_with: Callable[..., Caller]) -> Caller:
    return caller_with("cases:read", "cases:decide")


@pytest.fixture
def case(desk: Caller) -> ReviewCase:
    return factories.make_case(desk.platform)


def undo(caller: Caller, case: ReviewCase, decision_id: Any) -> Any:
    return caller.delete(f"/api/v1/cases/{case.public_id}/decisions/{decision_id}")


def state_of(caller: Caller, case: ReviewCase) -> str:
    return str(caller.get(f"/api/v1/cases/{case.public_id}").json()["state"])


def test_a_decision_waits_ten_seconds_and_then_counts(desk: Caller, case: ReviewCase) -> None:
    body = {**EXAMPLE, "lease_token": token_of(desk, case)}
    answer = desk.post(f"/api/v1/cases/{case.public_id}/decisions", body, format="json")
    told = answer.json()
    assert (answer.status_code, told["state"], told["effect"]) == (201, "pending", "remove")
    assert told["reasons"] == EXAMPLE["reasons"]
    kept = Decision.objects.select_related("opinion").get()
    assert kept.opinion.note == EXAMPLE["note"]
    assert timedelta(seconds=9) < kept.settle_at - kept.created_at < timedelta(seconds=11)
    assert state_of(desk, case) == "settling"
    assert not Event.objects.filter(type=EventType.DECISION_MADE).exists()
    factories.settle_now(kept.pk)
    assert state_of(desk, case) == "closed"
    assert Verdict.objects.get(current=True).decision == kept
    assert Event.objects.filter(type=EventType.DECISION_MADE).count() == 1


def test_a_token_decides_once(desk: Caller, case: ReviewCase) -> None:
    token = token_of(desk, case)
    assert code(decide(desk, case, NOBODY)) == (409, "stale_lease")
    assert decide(desk, case, token).status_code == 201
    assert code(decide(desk, case, token)) == (409, "stale_lease")
    assert Decision.objects.count() == 1


def test_a_token_of_the_console_decides_nothing_here(desk: Caller, case: ReviewCase) -> None:
    lease = leases.lease(case, factories.make_user()[0])
    assert lease is not None
    assert code(decide(desk, case, str(lease.token))) == (409, "stale_lease")


def test_it_is_taken_back_while_it_is_pending(desk: Caller, case: ReviewCase) -> None:
    made = decide(desk, case, token_of(desk, case)).json()
    answer = undo(desk, case, made["id"])
    assert (answer.status_code, answer.json()["case"]["state"]) == (200, "open")
    assert code(undo(desk, case, made["id"])) == (409, "not_pending")
    assert code(claim(desk, case, "mod-2")) == (409, "case_held"), "the same person holds it again"
    assert decide(desk, case, answer.json()["lease_token"], "cannot_tell").status_code == 201


def test_what_has_settled_stays(desk: Caller, case: ReviewCase) -> None:
    made = decide(desk, case, token_of(desk, case)).json()
    factories.settle_now(made["id"])
    assert code(undo(desk, case, made["id"])) == (409, "not_pending")
    assert Verdict.objects.get(current=True).decision_id is not None


def test_a_decision_made_at_the_console_is_not_taken_back_here(desk: Caller, case: ReviewCase) -> None:
    decision = factories.pending(case)
    assert undo(desk, case, decision.pk).status_code == 404
    assert Decision.objects.get().state == "pending"


def test_two_people_are_two_people(desk: Caller) -> None:
    platforms.publish_policy(desk.platform, {"opinions": 2}, by=None, note="", actor="system")
    case = factories.make_case(desk.platform)
    factories.settle_now(decide(desk, case, token_of(desk, case)).json()["id"])
    assert state_of(desk, case) == "open"
    assert code(claim(desk, case)) == (409, "not_for_this_person")
    factories.settle_now(decide(desk, case, token_of(desk, case, "mod-2")).json()["id"])
    assert state_of(desk, case) == "closed"


def test_it_points_at_what_is_wrong(desk: Caller, case: ReviewCase) -> None:
    token = token_of(desk, case)
    for body, pointer, why in (
        ({"decision": "synthetic"}, "/reasons", "reason_missing"),
        ({"decision": "synthetic", "reasons": ["nose"]}, "/reasons/0", "reason_not_listed"),
        ({"decision": "fake"}, "/decision", "invalid_choice"),
        ({"effect": "none"}, "/effect", "invalid_choice"),
        ({"note": "x" * 2001}, "/note", "max_length"),
    ):
        answer = decide(desk, case, token, **body)
        [error] = answer.json()["errors"]
        assert (answer.status_code, error["pointer"], error["code"]) == (400, pointer, why)
    assert not Decision.objects.exists()


def test_the_effect_may_be_another_than_the_policys(desk: Caller, case: ReviewCase) -> None:
    told = decide(desk, case, token_of(desk, case), "altered", reasons=["skin_texture"], effect="restrict").json()
    assert told["effect"] == "restrict"


def test_another_platforms_case_does_not_exist(desk: Caller, caller_with: Callable[..., Caller]) -> None:
    foreign = factories.make_case()
    made = factories.pending(foreign)
    assert decide(desk, foreign, NOBODY).status_code == 404
    assert undo(desk, foreign, made.pk).status_code == 404
    other = caller_with("cases:decide")
    theirs = factories.make_case(other.platform)
    decision = decide(other, theirs, token_of(other, theirs)).json()
    own = factories.make_case(desk.platform)
    assert undo(desk, own, decision["id"]).status_code == 404
    assert undo(desk, theirs, decision["id"]).status_code == 404
    reader = caller_with("cases:read", platform=other.platform)
    assert undo(reader, theirs, decision["id"]).status_code == 403
    assert decide(reader, theirs, NOBODY).status_code == 403
    assert Decision.objects.get(pk=decision["id"]).state == "pending"
    assert Decision.objects.get(pk=decision["id"]).settle_at > timezone.now()


def test_a_reason_that_the_policy_does_not_list_is_refused_with_a_code_and_its_place(
    desk: Caller, case: ReviewCase
) -> None:
    own = {"code": "fake", "text": "Made up", "dsa_category": "STATEMENT_CATEGORY_SCAMS_AND_FRAUD", "dsa_keyword": None}
    platforms.publish_policy(desk.platform, {"reasons": [own]}, by=None, note="", actor=factories.ACTOR)
    token = token_of(desk, case)
    answer = decide(desk, case, token, "synthetic", reasons=["fake", "eyes_gaze"])
    [error] = answer.json()["errors"]
    assert (answer.status_code, error["pointer"], error["code"]) == (400, "/reasons/1", "reason_not_listed")
    made = decide(desk, case, token, "synthetic", reasons=["fake"])
    assert (made.status_code, made.json()["stated_reasons"]) == (201, [own])
    factories.settle_now(made.json()["id"])
    [settled] = desk.get(f"/api/v1/cases/{case.public_id}").json()["decisions"]
    assert settled["stated_reasons"] == [own]
