"""`POST items/{id}/appeals`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moderation.api.appeals import EXAMPLE
from moderation.models import Appeal, ContentItem
from moderation.services import platforms, reports
from moderation.vocabulary import ReportReason
from tests import factories
from tests.moderation.api.conftest import Caller


def decided(caller: Caller) -> ContentItem:
    case = factories.make_case(caller.platform)
    factories.conclude(case)
    return case.item


def appeal(caller: Caller, item: ContentItem, body: Any = EXAMPLE) -> Any:
    return caller.post(f"/api/v1/items/{item.pk}/appeals", body, format="json")


def test_an_author_is_heard(caller: Caller) -> None:
    item = decided(caller)
    answer = appeal(caller, item)
    kept = Appeal.objects.get()
    assert answer.status_code == 201
    assert answer.json()["case_id"] == str(kept.case.public_id)
    assert (kept.text, kept.case.item) == (EXAMPLE["text"], item)


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_there_is_nothing_to_appeal_where_nothing_was_decided(caller: Caller) -> None:
    passed = factories.screen(factories.make_item(caller.platform), factories.report(600))
    assert code(appeal(caller, passed)) == (409, "nothing_to_appeal")


def test_one_appeal_at_a_time_and_what_it_decides_is_final(caller: Caller) -> None:
    item = decided(caller)
    appeal(caller, item)
    assert code(appeal(caller, item)) == (409, "appeal_open")
    factories.conclude(Appeal.objects.get().case)
    assert code(appeal(caller, item)) == (409, "appeal_decided")
    assert Appeal.objects.count() == 1


def test_it_says_where_a_person_looks_anyway(caller: Caller) -> None:
    rules = {"review_at": 0.1, "block_at": 0.01}
    platforms.publish_policy(caller.platform, rules, by=None, note="", actor="system")
    blocked = factories.screen(factories.make_item(caller.platform), factories.report(0))
    reports.report(blocked, "user-1", ReportReason.FRAUD, actor="system")
    assert code(appeal(caller, blocked)) == (409, "under_review")


def test_another_platforms_item_does_not_exist(caller: Caller, caller_with: Callable[..., Caller]) -> None:
    item = decided(caller)
    assert appeal(caller_with("items:write"), item).status_code == 404
    assert appeal(caller_with("items:read", platform=caller.platform), item).status_code == 403
    assert not Appeal.objects.exists()


def test_it_points_at_a_text_that_is_too_long(caller: Caller) -> None:
    answer = appeal(caller, decided(caller), {"text": "x" * 2001})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/text")
