from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings
from standardwebhooks import Webhook

from moderation.models import AuditEntry, Event, WebhookDelivery, WebhookEndpoint
from moderation.services import webhooks
from moderation.vocabulary import DeliveryState, EventType, Scope
from tests import factories
from tests.moderation.api.conftest import Caller
from tests.moderation.receiver import Receiver, receiving

ENDPOINTS = "/api/v1/endpoints"


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    with receiving() as receiver:
        settings.DEEPFAKE_GUARD = {**django_settings.DEEPFAKE_GUARD, "WEBHOOK_ALLOWED": [receiver.entry]}
        yield receiver


def add(caller: Caller, receiver: Receiver) -> dict[str, Any]:
    answer = caller.post(ENDPOINTS, {"url": receiver.url}, format="json")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (201, "no-store")
    made: dict[str, Any] = answer.json()
    return made


def test_an_added_endpoint_hears_of_what_happens_and_its_secret_is_shown_once(
    caller: Caller, receiver: Receiver
) -> None:
    made = add(caller, receiver)
    answer = caller.post(f"{ENDPOINTS}/{made['id']}/test", {}, format="json")
    webhooks.deliver(WebhookDelivery.objects.get(event=answer.json()["event_id"]).pk)
    [heard] = receiver.requests
    assert Webhook(made["secret"]).verify(heard.body, heard.headers)["type"] == "endpoint.test"
    assert heard.headers["webhook-id"] == answer.json()["event_id"]
    for shown in (caller.get(ENDPOINTS), caller.get(f"{ENDPOINTS}/{made['id']}")):
        assert "secret" not in shown.json()
        assert made["secret"] not in shown.content.decode()


def test_messages_are_signed_with_both_secrets_after_a_rotation(caller: Caller, receiver: Receiver) -> None:
    made = add(caller, receiver)
    answer = caller.post(f"{ENDPOINTS}/{made['id']}/rotate", {}, format="json")
    assert answer.json()["old_secret_until"] is not None
    event = caller.post(f"{ENDPOINTS}/{made['id']}/test", {}, format="json").json()["event_id"]
    webhooks.deliver(WebhookDelivery.objects.get(event=event).pk)
    [heard] = receiver.requests
    for secret in (made["secret"], answer.json()["secret"]):
        assert Webhook(secret).verify(heard.body, heard.headers)
    assert made["secret"] != answer.json()["secret"]


def test_a_disabled_endpoint_is_sent_nothing_until_it_is_enabled(caller: Caller, receiver: Receiver) -> None:
    where = f"{ENDPOINTS}/{add(caller, receiver)['id']}"
    told = caller.patch(where, {"active": False}, format="json").json()
    assert (told["active"], told["disabled_reason"]) == (False, "disabled over the API")
    refused = caller.post(f"{where}/test", {}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (409, "endpoint_disabled")
    assert not Event.objects.exists()
    assert caller.patch(where, {"active": True}, format="json").json()["active"] is True
    assert caller.post(f"{where}/test", {}, format="json").status_code == 202


def test_a_removed_endpoint_goes_with_its_deliveries_and_events_stay(caller: Caller, receiver: Receiver) -> None:
    made = add(caller, receiver)
    webhooks.emit(caller.platform, EventType.ITEM_SCREENED, None, {"item_id": "i"})
    assert WebhookDelivery.objects.get().state == DeliveryState.PENDING
    assert caller.delete(f"{ENDPOINTS}/{made['id']}").status_code == 204
    assert caller.get(f"{ENDPOINTS}/{made['id']}").status_code == 404
    assert (WebhookDelivery.objects.count(), Event.objects.count()) == (0, 1)
    assert AuditEntry.objects.filter(action="endpoint.removed", subject=f"endpoint:{made['id']}").count() == 1


@pytest.mark.parametrize(
    ("url", "status", "code"),
    [
        ("http://127.0.0.1:9/", 422, "unsafe_url"),
        ("https://169.254.169.254/latest", 422, "unsafe_url"),
        ("ftp://example.org/", 422, "unsafe_url"),
        ("https://no-such-host.invalid/", 422, "unreachable_url"),
        ("x" * 501, 400, "max_length"),
        ("", 400, "blank"),
    ],
)
def test_it_refuses_an_address_that_must_not_be_called(caller: Caller, url: str, status: int, code: str) -> None:
    answer = caller.post(ENDPOINTS, {"url": url}, format="json")
    [error] = answer.json()["errors"]
    assert (answer.status_code, error["pointer"], error["code"]) == (status, "/url", code)
    assert not WebhookEndpoint.objects.exists()


def test_another_platforms_endpoint_does_not_exist(caller: Caller, receiver: Receiver) -> None:
    foreign, _ = webhooks.add_endpoint(factories.make_platform(), receiver.url, actor="system")
    where = f"{ENDPOINTS}/{foreign.pk}"
    answers = [
        caller.get(where),
        caller.patch(where, {"active": False}, format="json"),
        caller.delete(where),
        caller.post(f"{where}/rotate", {}, format="json"),
        caller.post(f"{where}/test", {}, format="json"),
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert caller.get(ENDPOINTS).json()["results"] == []


@pytest.mark.parametrize("scope", [scope for scope in Scope if scope != Scope.PLATFORM_ADMIN])
def test_no_other_scope_reaches_the_endpoints(caller_with: Callable[..., Caller], scope: Scope) -> None:
    caller = caller_with(scope)
    assert caller.get(ENDPOINTS).status_code == caller.post(ENDPOINTS, {}, format="json").status_code == 403


def test_it_moves_to_another_address_and_what_waits_goes_there(caller: Caller, receiver: Receiver) -> None:
    made = add(caller, receiver)
    WebhookEndpoint.objects.update(failures=7)
    event = caller.post(f"{ENDPOINTS}/{made['id']}/test", {}, format="json").json()["event_id"]
    change = {"url": f"{receiver.url}/new", "description": "the new service"}
    answer = caller.patch(f"{ENDPOINTS}/{made['id']}", change, format="json")
    assert answer.status_code == 200
    assert {name: answer.json()[name] for name in change} == change
    assert (answer.json()["failures"], answer.json()["active"]) == (0, True)
    webhooks.deliver(WebhookDelivery.objects.get(event=event).pk)
    [heard] = receiver.requests
    assert heard.path.endswith("/new")
    assert Webhook(made["secret"]).verify(heard.body, heard.headers)
    assert AuditEntry.objects.filter(action="endpoint.changed", subject=f"endpoint:{made['id']}").count() == 1


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/", "https://169.254.169.254/latest", "https://0x7f000001/", "ftp://a"]
)
def test_it_does_not_move_to_an_address_that_must_not_be_called(caller: Caller, receiver: Receiver, url: str) -> None:
    made = add(caller, receiver)
    answer = caller.patch(f"{ENDPOINTS}/{made['id']}", {"url": url, "description": "new"}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (422, "unsafe_url")
    assert answer.json()["errors"][0]["pointer"] == "/url"
    endpoint = WebhookEndpoint.objects.get()
    assert (endpoint.url, endpoint.description) == (receiver.url, "")


def test_what_it_refuses_has_changed_nothing(caller: Caller, receiver: Receiver, settings: Any) -> None:
    where = f"{ENDPOINTS}/{add(caller, receiver)['id']}"
    caller.patch(where, {"active": False}, format="json")
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "WEBHOOK_ALLOWED": []}
    answer = caller.patch(where, {"description": "back again", "active": True}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (422, "unsafe_url")
    endpoint = WebhookEndpoint.objects.get()
    assert (endpoint.description, endpoint.active) == ("", False)
    assert not AuditEntry.objects.filter(action="endpoint.changed").exists()


def test_a_platform_has_a_limited_number_of_endpoints(caller: Caller, receiver: Receiver) -> None:
    rows = [WebhookEndpoint(platform=caller.platform, url=receiver.url, secret="s") for _ in range(19)]
    WebhookEndpoint.objects.bulk_create(rows)
    add(caller, receiver)
    answer = caller.post(ENDPOINTS, {"url": receiver.url}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_endpoints")
    assert WebhookEndpoint.objects.count() == 20
