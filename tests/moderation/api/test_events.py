from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from moderation.models import Event, Platform, WebhookDelivery, WebhookEndpoint
from moderation.models.ids import first_id
from moderation.services import retention, webhooks
from moderation.vocabulary import DeliveryState, EventType
from tests import factories
from tests.moderation.api.conftest import Caller

EVENTS = "/api/v1/events"


def emit(platform: Platform, count: int = 1, kind: EventType = EventType.ITEM_SCREENED) -> list[Event]:
    return [webhooks.emit(platform, kind, None, {"n": number}) for number in range(count)]


def read(caller: Caller, **asked: Any) -> Any:
    return caller.get(EVENTS, asked)


def age(events: list[Event], days: float = 31) -> None:
    """As if they had happened so many days ago."""
    then = timezone.now() - timedelta(days=days)
    for number, event in enumerate(events):
        new = first_id(then + timedelta(seconds=number))
        Event.objects.filter(pk=event.pk).update(id=new, created_at=then)
        WebhookDelivery.objects.filter(event=event).update(event=new)


def test_it_tells_every_event_of_the_platform_once_and_in_order(caller: Caller) -> None:
    sent = []
    for _ in range(4):
        sent += emit(caller.platform, 2)
        emit(factories.make_platform())
    webhooks.number_events()
    seen, asked = [], {"limit": 3}
    while True:
        page = read(caller, **asked).json()
        seen += page["events"]
        asked = {"limit": 3, "cursor": page["cursor"]}
        if not page["more"]:
            break
    assert [event["id"] for event in seen] == [str(event.pk) for event in sent]
    assert [event["number"] for event in seen] == sorted(event["number"] for event in seen)
    assert seen[0]["data"] == {"n": 0}
    assert seen[0]["type"] == "item.screened"


def test_an_event_is_told_once_it_is_numbered_and_never_passed_before(caller: Caller) -> None:
    emit(caller.platform)
    before = read(caller).json()
    assert (before["events"], before["more"]) == ([], False)
    webhooks.number_events()
    after = read(caller, cursor=before["cursor"]).json()
    assert len(after["events"]) == 1
    assert read(caller, cursor=after["cursor"]).json() == {"events": [], "cursor": after["cursor"], "more": False}


def test_a_filter_by_type_moves_on_past_what_it_leaves_out(caller: Caller) -> None:
    emit(caller.platform, 3)
    emit(caller.platform, 1, EventType.DECISION_MADE)
    emit(caller.platform, 2)
    webhooks.number_events()
    page = read(caller, type=["decision.made", "case.opened"]).json()
    assert ([event["type"] for event in page["events"]], page["more"]) == (["decision.made"], False)
    assert page["cursor"] == str(Event.objects.filter(platform=caller.platform).order_by("-number")[0].number)


def test_a_long_backlog_comes_page_by_page(caller: Caller) -> None:
    Event.objects.bulk_create(
        Event(platform=caller.platform, type=EventType.ITEM_SCREENED, payload={"data": {}}, number=number)
        for number in range(1, 1202)
    )
    sizes, cursor = [], None
    while True:
        page = read(caller, limit=500, **({"cursor": cursor} if cursor else {})).json()
        sizes.append(len(page["events"]))
        cursor = page["cursor"]
        if not page["more"]:
            break
    assert sizes == [500, 500, 201]


def test_a_cursor_behind_what_is_kept_is_told_so(caller: Caller) -> None:
    old = emit(caller.platform, 2)
    webhooks.number_events()
    first = read(caller, limit=1).json()["cursor"]
    age(old)
    emit(caller.platform)
    webhooks.number_events()
    assert webhooks.forget_events() == 2
    expired = read(caller, cursor=first)
    assert (expired.status_code, expired.json()["code"]) == (410, "cursor_expired")
    anew = read(caller).json()
    assert [event["data"] for event in anew["events"]] == [{"n": 0}]
    assert read(caller, cursor=int(first) + 1).status_code == 200, "this one had seen both"


def test_what_another_platform_forgets_expires_no_cursor_here(caller: Caller) -> None:
    emit(caller.platform)
    webhooks.number_events()
    cursor = read(caller).json()["cursor"]
    old = emit(factories.make_platform(), 3)
    webhooks.number_events()
    age(old)
    emit(factories.make_platform())
    webhooks.number_events()
    assert webhooks.forget_events() == 3
    assert read(caller, cursor=cursor).json() == {"events": [], "cursor": cursor, "more": False}


def test_events_are_kept_for_thirty_days_and_numbers_never_come_again(caller: Caller) -> None:
    events = emit(caller.platform, 2)
    webhooks.number_events()
    age(events[:1], days=29)
    age(events[1:])
    assert webhooks.forget_events() == 0, "one is young enough, and the newest number of all stays"
    endpoint = WebhookEndpoint.objects.create(platform=caller.platform, url="https://example.org")
    [later] = emit(caller.platform)
    webhooks.number_events()
    later.refresh_from_db()
    assert later.number == 3
    delivery = WebhookDelivery.objects.get(event=later, endpoint=endpoint)
    age([later])
    emit(caller.platform)
    webhooks.number_events()
    assert webhooks.forget_events() == 1
    assert WebhookDelivery.objects.filter(endpoint=endpoint).count() == 2, "what is being delivered stays"
    WebhookDelivery.objects.filter(pk=delivery.pk).update(state=DeliveryState.DELIVERED)
    assert webhooks.forget_events() == 1
    assert not WebhookDelivery.objects.filter(pk=delivery.pk).exists()


def test_an_erased_items_events_keep_their_place_and_lose_their_content(caller: Caller) -> None:
    item = factories.screen(factories.make_item(caller.platform), factories.report(3))
    webhooks.number_events()
    retention.erase(item, actor="system")
    [screened, *_] = read(caller).json()["events"]
    assert screened["data"] == {"item_id": str(item.pk), "erased": True}
    assert screened["type"] == "item.screened"


def test_who_may_decide_hears_no_score_before_a_first_opinion(caller_with: Callable[..., Caller]) -> None:
    platform = factories.make_platform()
    case = factories.make_case(platform)
    case.blind_first = True
    case.save(update_fields=["blind_first"])
    webhooks.number_events()
    told = {
        scopes: read(caller_with(*scopes, platform=platform)).json()["events"]
        for scopes in (("items:read",), ("items:read", "cases:decide"))
    }
    assert "p_value" in str(told["items:read",])
    assert "p_value" not in str(told["items:read", "cases:decide"])
    assert len(told["items:read",]) == len(told["items:read", "cases:decide"])


@pytest.mark.parametrize(
    "asked", [{"cursor": "x"}, {"cursor": "-1"}, {"cursor": 2**63}, {"limit": 0}, {"limit": 501}, {"type": "item.odd"}]
)
def test_it_refuses_what_makes_no_sense(caller: Caller, asked: dict[str, Any]) -> None:
    answer = read(caller, **asked)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


def test_it_asks_for_the_scope_of_items(caller_with: Callable[..., Caller]) -> None:
    assert [read(caller_with(scope)).status_code for scope in ("items:read", "items:write")] == [200, 403]
