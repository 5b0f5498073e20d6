from __future__ import annotations

from collections.abc import Callable

import pytest

from moderation.models import Platform, ReviewCase
from moderation.services import webhooks
from tests import factories
from tests.moderation.api.conftest import Caller


@pytest.fixture
def case(caller: Caller) -> ReviewCase:
    factories.make_case(caller.platform)  # of another item
    return factories.make_case(caller.platform)


def where(case: ReviewCase) -> str:
    return f"/api/v1/items/{case.item_id}/events"


def test_it_tells_what_happened_in_order(caller: Caller, case: ReviewCase) -> None:
    factories.conclude(case)
    assert [event["number"] for event in caller.get(where(case)).json()["results"]] == [None] * 3
    webhooks.number_events()
    told = caller.get(where(case)).json()["results"]
    assert [event["type"] for event in told] == ["item.screened", "case.opened", "decision.made"]
    assert [event["number"] for event in told] == [3, 4, 5]
    assert told[1]["data"]["case_id"] == str(case.public_id)
    assert told[2]["data"]["decision"] == "synthetic"
    assert {event["data"]["item_id"] for event in told} == {str(case.item_id)}


def test_it_comes_in_pages(caller: Caller, case: ReviewCase) -> None:
    page = caller.get(f"{where(case)}?limit=1").json()
    assert [event["type"] for event in page["results"]] == ["item.screened"]
    assert [event["type"] for event in caller.get(page["next"]).json()["results"]] == ["case.opened"]


def test_a_key_for_cases_hears_no_finding_before_the_first_opinion(
    caller_with: Callable[..., Caller], case: ReviewCase
) -> None:
    ReviewCase.objects.update(blind_first=True)
    caller = caller_with("items:read", "cases:decide", platform=Platform.objects.get())
    for event in caller.get(where(case)).json()["results"]:
        assert set(event["data"]) <= {"item_id", "external_id", "revision", "status", "case_id"}


def test_another_platforms_item_does_not_exist(caller_with: Callable[..., Caller], case: ReviewCase) -> None:
    assert caller_with().get(where(case)).status_code == 404


def test_it_needs_the_scope_to_read(caller_with: Callable[..., Caller], case: ReviewCase) -> None:
    assert caller_with("items:write", platform=Platform.objects.get()).get(where(case)).status_code == 403


def test_an_erased_items_events_are_gone(caller: Caller) -> None:
    item = factories.screen(factories.make_item(caller.platform), factories.report(350))
    caller.delete(f"/api/v1/items/{item.pk}")
    assert caller.get(f"/api/v1/items/{item.pk}/events").status_code == 410
