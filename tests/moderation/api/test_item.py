from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from moderation.models import ContentItem, Decision, Verdict
from moderation.services import appeals, decisions, leases
from moderation.vocabulary import DecisionReason, DecisionValue, Role, Statement
from tests import factories
from tests.moderation.api.conftest import Caller

PROBLEM = "application/problem+json"


def test_it_tells_everything_of_a_screened_item(caller: Caller) -> None:
    caller.submit()
    item = factories.screen(ContentItem.objects.get(), factories.report(3, None))
    told = caller.get(f"/api/v1/items/{item.pk}").json()
    assert (told["status"], told["verdict"]["outcome"], told["review"]["state"]) == ("done", "review", "open")
    first, second = told["faces"]
    assert first["box"] == {"x": 0.25, "y": pytest.approx(1 / 6), "width": 0.375, "height": pytest.approx(28 / 48)}
    assert (first["n"], first["reached"], first["p_value"]) == (700, 3, pytest.approx(4 / 701))
    assert first["signals"]["muflow"]["score"] == 812.5
    assert (second["p_value"], second["reason"]) == (None, "face_too_small")
    assert (told["detector"], told["calibration"]) == ("muflow-test", "genuine-test")


def test_it_hides_another_platforms_item(caller_with: Callable[..., Caller]) -> None:
    mine, other = caller_with(), caller_with()
    mine.submit()
    where = f"/api/v1/items/{ContentItem.objects.get().pk}"
    assert mine.get(where).status_code == 200
    assert other.get(where).status_code == 404
    assert other.delete(where).status_code == 404
    assert other.get("/api/v1/items").json()["results"] == []


def test_it_tells_a_decision_only_when_it_has_settled(caller: Caller) -> None:
    case = factories.make_case(caller.platform)
    where = f"/api/v1/items/{case.item_id}"
    user, _ = factories.make_user()
    lease = leases.lease_next(user)
    assert lease is not None
    decision = decisions.decide(
        case, user, lease.token, DecisionValue.SYNTHETIC, reasons=[DecisionReason.LIGHT_SHADOW], note="private"
    )
    open_case: dict[str, Any] = {
        "state": "open",
        "decision": None,
        "reasons": [],
        "stated_reasons": [],
        "decided_at": None,
        "reversed": False,
    }
    assert caller.get(where).json()["review"] == open_case
    Decision.objects.update(settle_at=timezone.now())
    assert decisions.settle(decision.pk)
    answer = caller.get(where)
    told = answer.json()
    assert (told["review"]["state"], told["review"]["decision"]) == ("closed", "synthetic")
    assert told["review"]["reasons"] == ["light_shadow"]
    assert told["review"]["decided_at"] is not None
    assert (told["verdict"]["basis"], told["verdict"]["effect"]) == ("decision", "remove")
    assert user.username not in answer.content.decode()
    assert "private" not in answer.content.decode()


def test_it_says_when_to_ask_again_until_the_item_has_ended(caller: Caller) -> None:
    where = caller.submit().headers["Location"]
    assert caller.get(where).headers["Retry-After"] == "1"
    factories.screen(ContentItem.objects.get(), factories.report(350))
    assert "Retry-After" not in caller.get(where).headers


def test_an_item_that_could_not_be_scored_says_why(caller: Caller) -> None:
    caller.submit()
    outcome = factories.report(status="not_applicable", reasons=["no_face"])
    item = factories.screen(ContentItem.objects.get(), outcome)
    told = caller.get(f"/api/v1/items/{item.pk}").json()
    assert (told["status"], told["reasons"], told["p_value"]) == ("not_applicable", ["no_face"], None)


def test_the_verdict_says_nothing_rather_than_an_empty_statement(caller: Caller) -> None:
    caller.submit()
    item = factories.screen(ContentItem.objects.get(), factories.report(350))
    verdict = caller.get(f"/api/v1/items/{item.pk}").json()["verdict"]
    assert verdict["statement"] in set(Statement)
    Verdict.objects.update(statement="")
    assert caller.get(f"/api/v1/items/{item.pk}").json()["verdict"]["statement"] is None


def test_a_reversal_shows_as_one(caller: Caller) -> None:
    case = factories.make_case(caller.platform)
    first = factories.conclude(case)
    assert caller.get(f"/api/v1/items/{case.item_id}").json()["review"]["reversed"] is False
    senior, _ = factories.make_user(Role.SENIOR)
    decisions.reverse(case, senior, first.pk, DecisionValue.GENUINE, why="The camera's own file came in.")
    told = caller.get(f"/api/v1/items/{case.item_id}").json()["review"]
    assert (told["decision"], told["reversed"]) == ("genuine", True)


@pytest.mark.parametrize(
    ("value", "reversed_"),
    [(DecisionValue.SYNTHETIC, False), (DecisionValue.GENUINE, True)],
    ids=["upheld", "overturned"],
)
def test_an_overturned_appeal_shows_as_a_reversal(caller: Caller, value: DecisionValue, reversed_: bool) -> None:
    case = factories.make_case(caller.platform)
    factories.conclude(case, DecisionValue.SYNTHETIC)
    factories.conclude(appeals.open_appeal(case.item, "", actor="system").case, value)
    told = caller.get(f"/api/v1/items/{case.item_id}").json()["review"]
    assert (told["decision"], told["reversed"]) == (value, reversed_)
