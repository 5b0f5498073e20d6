"""A desk of the platform's own, through the client."""

from __future__ import annotations

import pytest

from deepfake_guard.client import Problem, cases
from moderation.models import Decision, ReviewCase
from moderation.vocabulary import DecisionState
from tests import factories
from tests.client.conftest import Caller


def test_a_case_is_claimed_decided_and_taken_back(caller: Caller) -> None:
    case = str(factories.make_case(caller.platform).public_id)
    assert [found["id"] for found in caller.every(cases.find())] == [case]
    held = caller.send(cases.claim(case, moderator_ref="mod-7"))
    token = held["lease_token"]
    assert held["case"]["id"] == case
    assert caller.send(cases.claim(case, moderator_ref="mod-7", lease_token=token))["lease_token"] == token
    told = {"decision": "synthetic", "reasons": ["eyes_gaze"], "note": "no pupils"}
    made = caller.send(cases.decide(case, lease_token=token, **told))  # type: ignore[arg-type]
    assert (made["state"], made["decision"], made["effect"]) == ("pending", "synthetic", "remove")
    again = caller.send(cases.undo(case, made["id"]))["lease_token"]
    assert Decision.objects.get().state == DecisionState.UNDONE
    assert caller.send(cases.release(case, lease_token=again)) is None
    assert caller.send(cases.read(case))["held_until"] is None
    last = caller.send(cases.claim(case, moderator_ref="mod-7"))["lease_token"]
    assert caller.send(cases.escalate(case, lease_token=last)) is None
    assert caller.send(cases.read(case))["escalated"] is True


def test_a_blind_case_asks_for_an_opinion_first(caller: Caller) -> None:
    case = str(factories.make_case(caller.platform).public_id)
    ReviewCase.objects.update(blind_first=True)
    held = caller.send(cases.claim(case, moderator_ref="mod-7"))
    assert (held["case"]["blind"], held["case"]["faces"]) == (True, [])
    token = held["lease_token"]
    with pytest.raises(Problem) as told:
        caller.send(cases.decide(case, lease_token=token, decision="genuine"))
    assert (told.value.status, told.value.code) == (409, "opinion_first")
    seen = caller.send(cases.opine(case, lease_token=token, opinion="genuine"))
    assert (seen["blind"], len(seen["faces"])) == (False, 1)


def test_a_case_held_by_another_person_is_refused(caller: Caller) -> None:
    case = str(factories.make_case(caller.platform).public_id)
    caller.send(cases.claim(case, moderator_ref="mod-7"))
    with pytest.raises(Problem) as told:
        caller.send(cases.claim(case, moderator_ref="mod-8", senior=True))
    assert told.value.code == "case_held"
    assert caller.every(cases.find(queue="free")) == []


def test_a_history_is_brought_in_row_by_row(caller: Caller) -> None:
    row: cases.Past = {
        "external_id": "post-1207",
        "decision": "synthetic",
        "decided_at": "2025-03-04T10:12:00Z",
        "basis": "person",
    }
    odd: cases.Past = {**row, "decided_at": "yesterday"}
    brought = caller.send(cases.bring_history([row, odd]))
    assert [one["result"] for one in brought["results"]] == ["created", "refused"]
    assert brought["results"][1]["errors"][0]["pointer"] == "/decisions/1/decided_at"
