"""`POST decisions/import`: a history with its basis."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from moderation.api.imports import AT_ONCE, EXAMPLE
from moderation.models import Event, ImportedDecision, ReviewCase, Verdict
from tests import factories
from tests.moderation.api.conftest import Caller

WHERE = "/api/v1/decisions/import"


@pytest.fixture
def owner(caller_with: Callable[..., Caller]) -> Caller:
    return caller_with("cases:decide", "items:erase")


def row(**changed: Any) -> dict[str, Any]:
    return {**EXAMPLE["decisions"][0], **changed}


def bring(caller: Caller, *rows: Any) -> Any:
    return caller.post(WHERE, {"decisions": rows}, format="json")


def words(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.json()
    return [result["result"] for result in answer.json()["results"]]


def test_a_history_is_kept_as_such_and_moves_nothing(owner: Caller) -> None:
    item = factories.make_case(owner.platform, external_id="post-1207").item
    before = [model.objects.count() for model in (Verdict, ReviewCase, Event)]
    answer = owner.post(WHERE, EXAMPLE, format="json")
    assert words(answer) == ["created"]
    assert {name: count for name, count in answer.json().items() if name != "results"} == {
        "created": 1, "known": 0, "conflict": 0, "refused": 0,
    }  # fmt: skip
    kept = ImportedDecision.objects.get()
    assert (kept.platform, kept.external_id, kept.value, kept.basis) == (
        owner.platform,
        "post-1207",
        "synthetic",
        "person",
    )
    assert kept.decided_at.isoformat() == "2025-03-04T10:12:00+00:00"
    assert [model.objects.count() for model in (Verdict, ReviewCase, Event)] == before
    assert Verdict.objects.get(item=item, current=True).basis == "policy"


def test_the_same_again_is_known_and_another_word_is_a_conflict(owner: Caller) -> None:
    bring(owner, row())
    assert words(bring(owner, row(), row(decision="genuine"), row(reasons=[]), row(external_id="post-2"))) == [
        "known", "conflict", "conflict", "created",
    ]  # fmt: skip
    assert words(bring(owner, row(decided_at="2025-03-05T10:12:00Z", decision="genuine"))) == ["created"], "a later one"
    assert ImportedDecision.objects.get(external_id="post-1207", decided_at__day=4).value == "synthetic"


def test_the_same_twice_in_one_call_is_one(owner: Caller) -> None:
    assert words(bring(owner, row(), row(), row(decision="genuine"))) == ["created", "known", "conflict"]
    assert ImportedDecision.objects.count() == 1


def test_a_wrong_row_is_pointed_at_and_holds_up_no_other(owner: Caller) -> None:
    tomorrow = (timezone.now() + timedelta(days=1)).isoformat()
    wrong = [
        (row(decision="fake"), "/decisions/0/decision"),
        (row(decided_at=tomorrow), "/decisions/1/decided_at"),
        ("no object", "/decisions/2"),
        (row(reasons=["x" * 101]), "/decisions/3/reasons/0"),
        (row(external_id="a\0b"), "/decisions/4/external_id"),
        (row(basis=None), "/decisions/5/basis"),
        (row(decided_at="0001-01-01T00:00:00+14:00"), "/decisions/6/decided_at"),
    ]
    answer = bring(owner, *(given for given, _ in wrong), row())
    assert words(answer) == ["refused"] * len(wrong) + ["created"]
    told = [[error["pointer"] for error in result["errors"]] for result in answer.json()["results"]]
    assert told == [*([pointer] for _, pointer in wrong), []]


@pytest.mark.parametrize("body", [{}, {"decisions": []}, {"decisions": "x"}, {"decisions": [{}] * (AT_ONCE + 1)}])
def test_it_takes_one_to_a_thousand(owner: Caller, body: dict[str, Any]) -> None:
    answer = owner.post(WHERE, body, format="json")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/decisions")
    assert not ImportedDecision.objects.exists()


def test_a_thousand_are_brought_with_few_questions(owner: Caller, django_assert_max_num_queries: Any) -> None:
    rows = [row(external_id=f"post-{at}") for at in range(AT_ONCE)]
    with django_assert_max_num_queries(30):
        assert words(bring(owner, *rows)) == ["created"] * AT_ONCE
    assert words(bring(owner, *rows)) == ["known"] * AT_ONCE


def test_each_platform_has_its_own_history(owner: Caller, caller_with: Callable[..., Caller]) -> None:
    bring(owner, row())
    other = caller_with("cases:decide")
    assert words(bring(other, row(decision="genuine"))) == ["created"]
    assert set(ImportedDecision.objects.values_list("platform", "value")) == {
        (owner.platform.pk, "synthetic"),
        (other.platform.pk, "genuine"),
    }
    assert bring(caller_with("cases:read", "items:write", platform=owner.platform), row()).status_code == 403


def test_erasing_an_item_takes_its_history_along(owner: Caller) -> None:
    item = factories.make_item(owner.platform, external_id="post-1207")
    bring(owner, row(), row(external_id="post-2"))
    assert owner.delete(f"/api/v1/items/{item.pk}").status_code == 204
    assert list(ImportedDecision.objects.values_list("external_id", flat=True)) == ["post-2"]


@pytest.mark.django_db(transaction=True)
def test_the_same_history_sent_twice_at_once_is_kept_once(owner: Caller) -> None:
    rows = [row(external_id=f"post-{at}") for at in range(50)]

    def send(_: int) -> list[str]:
        try:
            caller = Caller()
            caller.credentials(HTTP_AUTHORIZATION=f"Bearer {owner.secret}")
            return words(bring(caller, *rows))
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(send, range(2)))
    assert sorted(both) == [["created"] * 50, ["known"] * 50]
    assert ImportedDecision.objects.count() == 50
