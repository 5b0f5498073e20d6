"""`/api/v1/deliveries` and `endpoints/{id}/deliveries`: the log, and sending again."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from moderation.models import ReviewCase, WebhookDelivery, WebhookEndpoint
from moderation.services import webhooks
from moderation.services.webhooks import replays
from moderation.vocabulary import DeliveryState, EventType, Scope
from tests import factories
from tests.moderation.api.conftest import Caller
from tests.moderation.hooks import configure, deliver, emitted
from tests.moderation.receiver import Receiver, answering, receiving


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    with receiving() as receiver:
        configure(settings, WEBHOOK_ALLOWED=[receiver.entry])
        yield receiver


@pytest.fixture
def endpoint(caller: Caller, receiver: Receiver) -> WebhookEndpoint:
    return webhooks.add_endpoint(caller.platform, receiver.url, actor="system")[0]


def log_of(endpoint: WebhookEndpoint) -> str:
    return f"/api/v1/endpoints/{endpoint.pk}/deliveries"


def test_the_log_tells_what_became_of_each_message(
    caller: Caller, receiver: Receiver, endpoint: WebhookEndpoint
) -> None:
    item = factories.make_item(caller.platform)
    told, refused = emitted(endpoint, item), emitted(endpoint)
    deliver(told)
    receiver.answer = answering(500, b"out of order")
    deliver(refused)
    newest, oldest = caller.get(log_of(endpoint)).json()["results"]
    assert (oldest["id"], oldest["event_id"], oldest["item_id"]) == (str(told.pk), str(told.event_id), str(item.pk))
    assert (oldest["type"], oldest["state"], oldest["next_attempt_at"]) == ("item.screened", "delivered", None)
    assert (newest["state"], newest["attempts"], newest["last_status"]) == ("pending", 1, 500)
    assert (newest["last_error"], newest["answer_excerpt"]) == ("answered 500", "out of order")
    assert newest["next_attempt_at"] > newest["attempted_at"]
    assert newest["request_excerpt"].startswith("POST /hook\n")
    assert caller.get(f"/api/v1/deliveries/{refused.pk}").json() == newest


def test_it_narrows_by_state_and_goes_on_by_a_cursor(caller: Caller, endpoint: WebhookEndpoint) -> None:
    made = [emitted(endpoint) for _ in range(3)]
    WebhookDelivery.objects.filter(pk=made[0].pk).update(state=DeliveryState.FAILED)
    [failed] = caller.get(log_of(endpoint), {"state": "failed"}).json()["results"]
    assert failed["id"] == str(made[0].pk)
    page = caller.get(log_of(endpoint), {"limit": 2}).json()
    following = caller.get(page["next"]).json()
    seen = [row["id"] for row in page["results"] + following["results"]]
    assert seen == [str(each.pk) for each in reversed(made)]
    assert caller.get(log_of(endpoint), {"state": "lost"}).status_code == 400


def test_it_shows_a_key_for_cases_no_finding_before_the_first_opinion(
    caller: Caller, caller_with: Callable[..., Caller], endpoint: WebhookEndpoint
) -> None:
    factories.make_case(caller.platform)
    ReviewCase.objects.update(blind_first=True)
    delivery = WebhookDelivery.objects.get(event__type=EventType.ITEM_SCREENED)
    assert deliver(delivery) == DeliveryState.DELIVERED
    desk = caller_with(Scope.PLATFORM_ADMIN, Scope.CASES_READ, platform=caller.platform)
    for key, tells in ((desk, False), (caller_with(Scope.PLATFORM_ADMIN, platform=caller.platform), True)):
        listed = next(row for row in key.get(log_of(endpoint)).json()["results"] if row["id"] == str(delivery.pk))
        assert ("p_value" in listed["request_excerpt"]) is tells
        assert f"webhook-id: {delivery.event_id}" in listed["request_excerpt"]
        assert key.get(f"/api/v1/deliveries/{delivery.pk}").json() == listed


def test_another_platforms_deliveries_do_not_exist(caller: Caller, receiver: Receiver) -> None:
    stranger, _ = webhooks.add_endpoint(factories.make_platform(), receiver.url, actor="system")
    delivery = emitted(stranger)
    for method, path in (
        ("get", log_of(stranger)),
        ("get", f"/api/v1/deliveries/{delivery.pk}"),
        ("post", f"/api/v1/deliveries/{delivery.pk}/replay"),
        ("post", f"/api/v1/endpoints/{stranger.pk}/replay"),
        ("get", f"/api/v1/deliveries/{uuid.uuid4()}"),
    ):
        assert getattr(caller, method)(path, {}, format="json").status_code == 404


def test_it_needs_the_scope_of_an_admin(
    caller_with: Callable[..., Caller], caller: Caller, endpoint: WebhookEndpoint
) -> None:
    other = caller_with(*(scope for scope in Scope if scope != Scope.PLATFORM_ADMIN), platform=caller.platform)
    delivery = emitted(endpoint)
    assert other.get(log_of(endpoint)).status_code == 403
    assert other.post(f"/api/v1/deliveries/{delivery.pk}/replay").status_code == 403
    assert other.post(f"/api/v1/endpoints/{endpoint.pk}/replay", {}, format="json").status_code == 403


def test_one_is_sent_again_under_the_same_id(caller: Caller, receiver: Receiver, endpoint: WebhookEndpoint) -> None:
    delivery = emitted(endpoint)
    path = f"/api/v1/deliveries/{delivery.pk}/replay"
    answer = caller.post(path)
    assert (answer.status_code, answer.json()["code"]) == (409, "not_replayable")
    deliver(delivery)
    answer = caller.post(path)
    assert (answer.status_code, answer.json()["state"], answer.json()["attempts"]) == (202, "pending", 0)
    deliver(delivery)
    assert [request.headers["webhook-id"] for request in receiver.requests] == [str(delivery.event_id)] * 2


def test_a_time_range_is_sent_again(caller: Caller, endpoint: WebhookEndpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        emitted(endpoint)
    WebhookDelivery.objects.update(state=DeliveryState.FAILED)
    since, path = (timezone.now() - timedelta(hours=1)).isoformat(), f"/api/v1/endpoints/{endpoint.pk}/replay"
    monkeypatch.setattr(replays, "MOST_AT_ONCE", 2)
    answer = caller.post(path, {"since": since}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (422, "too_many_events")
    monkeypatch.undo()
    answer = caller.post(path, {"since": since}, format="json")
    assert (answer.status_code, answer.json()) == (202, {"replayed": 3})
    assert caller.post(path, {"since": since}, format="json").json() == {"replayed": 0}
    WebhookDelivery.objects.update(state=DeliveryState.DELIVERED)
    assert caller.post(path, {"since": since, "delivered_too": True}, format="json").json() == {"replayed": 3}
    webhooks.disable_endpoint(endpoint, "moved", actor="system")
    answer = caller.post(path, {"since": since}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "endpoint_disabled")


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"since": "yesterday"},
        {"since": "2026-11-25T12:00:00Z", "until": "2026-11-25T12:00:00Z"},
        {"since": "2999-01-01T00:00:00Z"},
        {"since": "2026-11-25T12:00:00Z", "until": "9999-12-31T23:59:59Z", "delivered_too": "perhaps"},
    ],
)
def test_a_range_that_is_none_is_refused(caller: Caller, endpoint: WebhookEndpoint, given: dict[str, str]) -> None:
    answer = caller.post(f"/api/v1/endpoints/{endpoint.pk}/replay", given, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


@pytest.mark.parametrize("since", ["0001-01-01T00:00:00Z", "1969-12-31T23:00:00Z"])
def test_a_range_may_begin_before_everything(caller: Caller, endpoint: WebhookEndpoint, since: str) -> None:
    webhooks.emit(caller.platform, EventType.ITEM_SCREENED, None, {})
    WebhookDelivery.objects.update(state=DeliveryState.FAILED)
    given = {"since": since, "until": "9999-12-31T23:59:59Z"}
    answer = caller.post(f"/api/v1/endpoints/{endpoint.pk}/replay", given, format="json")
    assert (answer.status_code, answer.json()) == (202, {"replayed": 1})


def test_an_endpoint_tells_whether_it_is_given_a_rest(
    caller: Caller, receiver: Receiver, endpoint: WebhookEndpoint
) -> None:
    receiver.answer = answering(500)
    for _ in range(5):
        deliver(emitted(endpoint))
    told = caller.get(f"/api/v1/endpoints/{endpoint.pk}").json()
    assert told["failures"] == 5
    assert told["open_until"] > timezone.now().isoformat()
