"""`POST cases/{id}/opinions`: what a person thinks before they see what was found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from moderation.models import Opinion, ReviewCase
from moderation.services import platforms
from tests import factories
from tests.moderation.api.conftest import Caller
from tests.moderation.api.desk import NOBODY, claim, code, decide, post, token_of


@pytest.fixture
def desk(caller_with: Callable[..., Caller]) -> Caller:
    return caller_with("cases:read", "cases:decide", "items:read")


@pytest.fixture
def case(desk: Caller) -> ReviewCase:
    rules = {"blind_first": 1.0, "opinions": 2}
    platforms.publish_policy(desk.platform, rules, by=None, note="", actor="system")
    return factories.make_case(desk.platform)


def opine(caller: Caller, case: ReviewCase, token: str, opinion: str = "synthetic") -> Any:
    return post(caller, case, "opinions", lease_token=token, opinion=opinion)


def everything_told(caller: Caller, case: ReviewCase) -> list[Any]:
    return [
        caller.get(f"/api/v1/cases/{case.public_id}").json(),
        caller.get("/api/v1/cases").json()["results"][0],
        caller.get(f"/api/v1/items/{case.item_id}").json(),
    ]


def test_no_score_is_told_before_the_first_opinion_and_all_after_it(desk: Caller, case: ReviewCase) -> None:
    held = claim(desk, case).json()
    for told in (held["case"], *everything_told(desk, case)):
        assert (told["blind"], told["p_value"]) == (True, None)
        assert (told.get("faces", []), told.get("statement")) == ([], None)
    after = opine(desk, case, held["lease_token"])
    assert (after.status_code, after.json()["p_value"]) == (201, pytest.approx(1 / 701))
    assert len(after.json()["faces"]) == 1
    kept = Opinion.objects.get()
    assert (kept.value, kept.blind) == ("synthetic", True)


def test_it_comes_before_a_decision(desk: Caller, case: ReviewCase) -> None:
    token = token_of(desk, case)
    assert code(decide(desk, case, token)) == (409, "opinion_first")
    opine(desk, case, token)
    assert decide(desk, case, token).status_code == 201
    assert list(Opinion.objects.order_by("created_at").values_list("value", "blind")) == [
        ("synthetic", True),
        ("genuine", False),
    ]


def test_the_second_person_thinks_first_too(desk: Caller, case: ReviewCase) -> None:
    token = token_of(desk, case)
    opine(desk, case, token)
    factories.settle_now(decide(desk, case, token).json()["id"])
    told = claim(desk, case, "mod-2").json()["case"]
    assert (told["state"], told["blind"], told["p_value"], told["decisions"]) == ("open", True, None, [])


def test_the_first_word_counts(desk: Caller, case: ReviewCase) -> None:
    token = token_of(desk, case)
    opine(desk, case, token, "genuine")
    assert opine(desk, case, token, "synthetic").status_code == 201
    assert Opinion.objects.get().value == "genuine"


def test_only_the_holder_is_asked_and_only_where_a_case_is_blind(desk: Caller, case: ReviewCase) -> None:
    assert code(opine(desk, case, NOBODY)) == (409, "stale_lease")
    token = token_of(desk, case)
    ReviewCase.objects.update(blind_first=False)
    assert code(opine(desk, case, token)) == (409, "no_opinion_asked")
    assert not Opinion.objects.exists()


def test_another_platforms_case_does_not_exist(desk: Caller, caller_with: Callable[..., Caller]) -> None:
    assert opine(desk, factories.make_case(), NOBODY).status_code == 404
    reader = caller_with("cases:read", platform=desk.platform)
    assert opine(reader, factories.make_case(desk.platform), NOBODY).status_code == 403


def test_it_points_at_an_opinion_that_is_none(desk: Caller, case: ReviewCase) -> None:
    answer = opine(desk, case, token_of(desk, case), "fake")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/opinion")
