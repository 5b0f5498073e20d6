from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode

import pytest

from moderation.models import ContentItem, ReviewCase
from moderation.vocabulary import Priority
from tests import factories
from tests.moderation.api.conftest import Caller


def found(caller: Caller, **query: str) -> list[str]:
    answer = caller.get(f"/api/v1/items?{urlencode(query)}")
    assert answer.status_code == 200, answer.content
    return [item["external_id"] for item in answer.json()["results"]]


@pytest.fixture
def items(caller: Caller) -> list[ContentItem]:
    """a: allowed, of alice; b: for review, interactive; c: queued."""
    a = factories.make_item(caller.platform, external_id="a", author_ref="alice")
    factories.screen(a, factories.report(350))
    b = factories.make_item(caller.platform, external_id="b", priority=Priority.INTERACTIVE)
    factories.screen(b, factories.report(0))
    return [a, b, factories.make_item(caller.platform, external_id="c")]


def test_each_filter_narrows(caller: Caller, items: list[ContentItem]) -> None:
    assert items[0].asset is not None
    sha256 = items[0].asset.sha256
    wanted = {
        ("status", "queued"): ["c"],
        ("outcome", "allow"): ["a"],
        ("outcome", "review"): ["b"],
        ("outcome", "block"): [],
        ("external_id", "b"): ["b"],
        ("author_ref", "alice"): ["a"],
        ("author_ref", items[0].author_digest): [],
        ("sha256", sha256): ["a"],
        ("priority", "interactive"): ["b"],
        ("priority", "normal"): ["c", "a"],
    }
    assert {query: found(caller, **dict([query])) for query in wanted} == wanted


def test_filters_narrow_together(caller: Caller, items: list[ContentItem]) -> None:
    assert found(caller, status="done", priority="normal") == ["a"]
    assert found(caller, status="done", priority="normal", outcome="review") == []


def test_a_time_narrows_from_its_moment_to_before_its_moment(caller: Caller, items: list[ContentItem]) -> None:
    middle = items[1].created_at
    assert found(caller, created_after=middle.isoformat()) == ["c", "b"]
    assert found(caller, created_before=middle.isoformat()) == ["a"]
    assert found(caller, created_after=middle.isoformat(), created_before=middle.isoformat()) == []
    assert found(caller, created_after=(middle - timedelta(days=400)).isoformat()) == ["c", "b", "a"]
    assert found(caller, created_after="0001-01-01T00:00:00Z", created_before="9999-12-31T23:59:59Z") == ["c", "b", "a"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "odd"),
        ("outcome", "odd"),
        ("priority", "7"),
        ("sha256", "ABC"),
        ("created_after", "yesterday"),
        ("external_id", ""),
        ("extrenal_id", "a"),
    ],
)
def test_what_makes_no_sense_is_pointed_at(caller: Caller, name: str, value: str) -> None:
    answer = caller.get(f"/api/v1/items?{urlencode({name: value})}")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, f"/{name}")


def test_a_list_by_outcome_tells_a_key_for_cases_nothing_before_the_first_opinion(
    caller: Caller, items: list[ContentItem]
) -> None:
    assert found(caller, outcome="review") == ["b"]
    ReviewCase.objects.update(blind_first=True)
    assert found(caller, outcome="review") == []
    assert found(caller) == ["c", "b", "a"]
