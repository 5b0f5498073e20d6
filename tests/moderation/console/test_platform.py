from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from moderation.models import ApiKey, AuditEntry, Platform, WebhookDelivery, WebhookEndpoint
from moderation.services import keys, retention, webhooks
from moderation.vocabulary import DeliveryState, EventType, Role
from tests.factories import ACTOR, make_item, make_key, make_platform
from tests.moderation.console.pages import lapse, text
from tests.moderation.receiver import Receiver, receiving

pytestmark = pytest.mark.django_db
Desk = Callable[..., tuple[Client, User]]


@pytest.fixture
def admin(desk: Desk) -> Client:
    return desk(Role.ADMIN)[0]


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    with receiving() as receiver:
        settings.DEEPFAKE_GUARD = {**django_settings.DEEPFAKE_GUARD, "WEBHOOK_ALLOWED": [receiver.entry]}
        yield receiver


def at(platform: Platform, more: str = "") -> str:
    return f"/platforms/{platform.pk}/{more}"


def shown_secret(page: Any) -> str:
    found = re.search(r'id="secret" value="([^"]+)"', page.content.decode())
    return found.group(1) if found else ""


def endpoint_of(platform: Platform, receiver: Receiver) -> WebhookEndpoint:
    return webhooks.add_endpoint(platform, receiver.url, actor=ACTOR)[0]


def sent(endpoint: WebhookEndpoint, **about: Any) -> WebhookDelivery:
    event = webhooks.emit(endpoint.platform, EventType.ITEM_SCREENED, about.get("item"), {"item_id": "i"})
    delivery = event.deliveries.get(endpoint=endpoint)
    webhooks.deliver(delivery.pk)
    delivery.refresh_from_db()
    return delivery


def test_a_key_is_shown_once_and_opens_the_door(admin: Client) -> None:
    platform = make_platform()
    page = admin.post(at(platform, "keys/"), {"name": "uploads", "scope": ["items:write", "items:read"], "days": "30"})
    secret = shown_secret(page)
    key = keys.authenticate(secret)
    assert key is not None
    assert (key.name, key.platform, key.scopes) == ("uploads", platform, ["items:read", "items:write"])
    assert key.expires_at is not None
    assert page.headers["Cache-Control"] == "private, no-store"
    again = admin.get(at(platform))
    assert shown_secret(again) == ""
    assert secret not in again.content.decode()
    assert f"dg_{key.prefix}_…" in text(again)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"name": "", "scope": ["items:read"]}, "A key needs a name"),
        ({"name": "x", "scope": []}, "at least one thing that it may do"),
        ({"name": "x", "scope": ["items:all"]}, "is not a valid Scope"),
        ({"name": "x", "scope": ["items:read"], "days": "0"}, "Days are 1 to 3650"),
        ({"name": "x", "scope": ["items:read"], "days": "1.5"}, "Days are 1 to 3650"),
        ({"name": "x", "scope": ["items:read"], "networks": "10.0.0.0/40"}, "does not appear to be an IPv4 or IPv6"),
    ],
)
def test_a_key_that_makes_no_sense_is_refused_and_what_was_typed_stays(
    given: dict[str, Any], told: str, admin: Client
) -> None:
    platform = make_platform()
    page = admin.post(at(platform, "keys/"), given)
    assert page.status_code == 422
    assert told in text(page)
    assert not ApiKey.objects.exists()


def test_a_revoked_key_opens_nothing_any_more(admin: Client) -> None:
    platform = make_platform()
    key, secret = make_key(platform)
    assert admin.post(at(platform, f"keys/{key.pk}/revoke/")).status_code == 302
    assert keys.authenticate(secret) is None
    assert "revoked" in text(admin.get(at(platform)))


def test_a_key_is_given_addresses_and_a_new_secret_beside_the_old_one(admin: Client) -> None:
    platform = make_platform()
    given = {"name": "uploads", "scope": ["items:read"], "networks": "203.0.113.7/24, 2001:db8::/32"}
    old = shown_secret(admin.post(at(platform, "keys/"), given))
    key = ApiKey.objects.get(platform=platform)
    page = admin.post(at(platform, f"keys/{key.pk}/rotate/"))
    new = shown_secret(page)
    assert new != old
    assert [keys.authenticate(secret, "203.0.113.9") for secret in (old, new)] == [key, key]
    told = text(admin.get(at(platform)))
    assert "from 203.0.113.0/24, 2001:db8::/32" in told
    assert "old secret until" in told
    admin.post(at(platform, f"keys/{key.pk}/revoke/"))
    assert "has ended" in text(admin.post(at(platform, f"keys/{key.pk}/rotate/"), follow=True))


def test_a_platform_is_added_closed_and_opened_again(admin: Client) -> None:
    page = admin.post("/platforms/add/", {"name": "Agora"})
    platform = Platform.objects.get(name="Agora")
    assert page.headers["Location"] == at(platform)
    _, secret = make_key(platform)
    admin.post(at(platform, "active/"), {"active": "0"})
    assert keys.authenticate(secret) is None
    assert "Closed: its keys open nothing" in text(admin.get(at(platform)))
    admin.post(at(platform, "active/"), {"active": "1"})
    assert keys.authenticate(secret) is not None
    assert "There is a platform named Agora already." in text(
        admin.post("/platforms/add/", {"name": "Agora"}, follow=True)
    )


def test_limits_are_set_within_bounds_and_shown(admin: Client) -> None:
    platform = make_platform()
    given = {"items_per_day": "0", "storage_mb": "20", "calls_per_minute": ""}
    assert admin.post(at(platform, "limits/"), given).status_code == 302
    platform.refresh_from_db()
    assert (platform.items_per_day, platform.storage_bytes, platform.calls_per_minute) == (0, 20_000_000, None)
    page = admin.get(at(platform)).content.decode()
    assert re.search(r'name="items_per_day"[^>]* value="0"', page)
    assert re.search(r'name="storage_mb"[^>]* value="20"', page)
    for wrong in ("-1", "two", "1.5", "9999999999999"):
        page = admin.post(at(platform, "limits/"), {**given, "items_per_day": wrong})
        assert (page.status_code, "whole number" in text(page), wrong in page.content.decode()) == (422, True, True)
    platform.refresh_from_db()
    assert platform.items_per_day == 0


def test_retention_times_are_set_within_bounds(admin: Client) -> None:
    platform = make_platform()
    assert admin.post(at(platform, "retention/"), {"allowed_days": "3", "decided_days": "90"}).status_code == 302
    platform.refresh_from_db()
    assert (platform.retain_allowed_days, platform.retain_decided_days) == (3, 90)
    for wrong in ("", "-1", "3651", "two"):
        page = admin.post(at(platform, "retention/"), {"allowed_days": wrong, "decided_days": "90"})
        assert page.status_code == 422
        assert "Both are whole days from 0 to 3,650." in text(page)
    platform.refresh_from_db()
    assert platform.retain_allowed_days == 3


def test_an_endpoint_is_added_and_its_secret_shown_once(admin: Client, receiver: Receiver) -> None:
    platform = make_platform()
    page = admin.post(at(platform, "endpoints/"), {"url": receiver.url})
    secret = shown_secret(page)
    assert secret.startswith("whsec_")
    assert secret not in admin.get(at(platform)).content.decode()
    assert WebhookEndpoint.objects.get().url == receiver.url


@pytest.mark.parametrize("url", ["https://127.0.0.1/hook", "http://hooks.example/", "file:///etc/passwd", ""])
def test_an_address_that_must_not_be_called_is_refused_with_the_reason(url: str, admin: Client) -> None:
    platform = make_platform()
    page = admin.post(at(platform, "endpoints/"), {"url": url})
    assert page.status_code == 422
    assert "This cannot be called:" in text(page)
    assert not WebhookEndpoint.objects.exists()


def test_a_new_secret_signs_beside_the_old_one_for_a_day(admin: Client, receiver: Receiver) -> None:
    from standardwebhooks import Webhook

    platform = make_platform()
    old = shown_secret(admin.post(at(platform, "endpoints/"), {"url": receiver.url}))
    endpoint = WebhookEndpoint.objects.get()
    new = shown_secret(admin.post(at(platform, f"endpoints/{endpoint.pk}/rotate/")))
    assert new not in {"", old}
    sent(WebhookEndpoint.objects.get())
    (request,) = receiver.requests
    for secret in (old, new):
        assert Webhook(secret).verify(request.body, request.headers)["type"] == "item.screened"
    WebhookEndpoint.objects.update(old_secret_until=timezone.now() - timedelta(seconds=1))
    sent(WebhookEndpoint.objects.get())
    assert len(receiver.requests[1].headers["webhook-signature"].split(" ")) == 1
    assert Webhook(new).verify(receiver.requests[1].body, receiver.requests[1].headers)


def test_a_test_event_goes_out_like_any_other_and_is_listed(admin: Client, receiver: Receiver) -> None:
    platform = make_platform()
    endpoint = endpoint_of(platform, receiver)
    page = admin.post(at(platform, f"endpoints/{endpoint.pk}/test/"), follow=True)
    assert "A test is on its way" in text(page)
    webhooks.deliver(WebhookDelivery.objects.get().pk)
    assert "endpoint.test" in text(admin.get(at(platform, "deliveries/")))
    assert len(receiver.requests) == 1


def test_a_disabled_endpoint_hears_nothing_until_it_is_enabled(admin: Client, receiver: Receiver) -> None:
    platform = make_platform()
    endpoint = endpoint_of(platform, receiver)
    admin.post(at(platform, f"endpoints/{endpoint.pk}/disable/"))
    assert not webhooks.emit(platform, EventType.CASE_OPENED, None, {}).deliveries.exists()
    assert "disabled: disabled at the desk" in text(admin.get(at(platform)))
    assert "is disabled, so nothing was sent" in text(
        admin.post(at(platform, f"endpoints/{endpoint.pk}/test/"), follow=True)
    )
    admin.post(at(platform, f"endpoints/{endpoint.pk}/enable/"))
    assert webhooks.emit(platform, EventType.CASE_OPENED, None, {}).deliveries.count() == 1


def test_a_delivery_is_sent_again_under_the_same_message_id(admin: Client, receiver: Receiver) -> None:
    platform = make_platform()
    delivery = sent(endpoint_of(platform, receiver))
    page = admin.post(at(platform, f"deliveries/{delivery.pk}/replay/"), follow=True)
    assert f"Sent again as {delivery.event_id}" in text(page)
    assert webhooks.deliver(delivery.pk) is DeliveryState.DELIVERED
    assert [request.headers["webhook-id"] for request in receiver.requests] == [str(delivery.event_id)] * 2
    assert AuditEntry.objects.filter(action="delivery.replayed").count() == 1


def test_what_is_still_being_tried_disabled_or_erased_is_not_sent_again(admin: Client, receiver: Receiver) -> None:
    platform = make_platform()
    endpoint, item = endpoint_of(platform, receiver), make_item(platform)
    told = sent(endpoint, item=item)
    waiting = webhooks.emit(platform, EventType.CASE_OPENED, None, {}).deliveries.get()
    retention.erase(item, actor=ACTOR)
    for delivery in (told, waiting):
        assert "Not sent again" in text(admin.post(at(platform, f"deliveries/{delivery.pk}/replay/"), follow=True))
    other = sent(endpoint)
    webhooks.disable_endpoint(endpoint, "moved", actor=ACTOR)
    assert "Not sent again" in text(admin.post(at(platform, f"deliveries/{other.pk}/replay/"), follow=True))
    assert len(receiver.requests) == 2


def test_a_time_range_is_sent_again_from_the_log(admin: Client, receiver: Receiver) -> None:
    platform = make_platform()
    endpoint = endpoint_of(platform, receiver)
    made = [sent(endpoint) for _ in range(2)]
    WebhookDelivery.objects.update(state=DeliveryState.FAILED)
    assert str(endpoint.pk) in admin.get(at(platform, "deliveries/")).content.decode()
    given = {"endpoint": str(endpoint.pk), "since": "2020-01-01T00:00", "until": "2120-01-01T00:00"}
    page = text(admin.post(at(platform, "deliveries/replay/"), given, follow=True))
    assert f"2 messages sent again to {endpoint.url}" in page
    assert [webhooks.deliver(each.pk) for each in made] == [DeliveryState.DELIVERED] * 2
    for wrong in ({"since": ""}, {"until": "2019-01-01T00:00"}, {"since": "soon"}, {"endpoint": "x"}):
        page = text(admin.post(at(platform, "deliveries/replay/"), {**given, **wrong}, follow=True))
        assert "Nothing was sent:" in page
    stranger = endpoint_of(make_platform(), receiver)
    answer = admin.post(at(platform, "deliveries/replay/"), {**given, "endpoint": str(stranger.pk)})
    assert answer.status_code == 404
    webhooks.disable_endpoint(endpoint, "moved", actor=ACTOR)
    page = text(admin.post(at(platform, "deliveries/replay/"), given, follow=True))
    assert "is disabled, so nothing was sent" in page


def test_the_log_shows_what_was_sent_and_said(admin: Client, receiver: Receiver) -> None:
    platform = make_platform()
    delivery = sent(endpoint_of(platform, receiver))
    page = text(admin.get(at(platform, "deliveries/")))
    assert f"webhook-id: {delivery.event_id}" in page
    assert "What it said" in page


def test_an_endpoint_that_is_given_a_rest_says_so(admin: Client, receiver: Receiver) -> None:
    platform = make_platform()
    endpoint_of(platform, receiver)
    WebhookEndpoint.objects.update(failures=7, open_until=timezone.now() + timedelta(minutes=2))
    assert "7 failures in a row, tried again" in text(admin.get(at(platform)))


def test_deliveries_are_found_by_state_and_by_any_id(admin: Client, receiver: Receiver) -> None:
    platform = make_platform()
    endpoint, item = endpoint_of(platform, receiver), make_item(platform, external_id="post-77")
    told, other = sent(endpoint, item=item), sent(endpoint)
    for query in (told.pk, told.event_id, item.pk, "post-77"):
        page = text(admin.get(at(platform, "deliveries/"), {"q": str(query)}))
        assert str(told.event_id) in page
        assert str(other.event_id) not in page
    assert "No delivery fits" in text(admin.get(at(platform, "deliveries/"), {"state": "failed"}))
    assert str(told.event_id) in text(admin.get(at(platform, "deliveries/"), {"state": "delivered", "before": "x"}))


def test_another_platforms_keys_endpoints_and_deliveries_do_not_exist_here(admin: Client, receiver: Receiver) -> None:
    platform, stranger = make_platform(), make_platform()
    key, _ = make_key(stranger)
    endpoint = endpoint_of(stranger, receiver)
    delivery = sent(endpoint)
    for action in (
        f"keys/{key.pk}/revoke/",
        f"endpoints/{endpoint.pk}/rotate/",
        f"endpoints/{endpoint.pk}/disable/",
        f"deliveries/{delivery.pk}/replay/",
    ):
        assert admin.post(at(platform, action)).status_code == 404
    assert str(delivery.event_id) not in text(admin.get(at(platform, "deliveries/")))


def test_keys_and_secrets_ask_for_the_password_again(admin: Client, receiver: Receiver) -> None:
    platform = make_platform()
    endpoint = endpoint_of(platform, receiver)
    lapse(admin)
    for action in ("keys/", "endpoints/", f"endpoints/{endpoint.pk}/rotate/", "retention/"):
        assert admin.post(at(platform, action), {"name": "x", "scope": "items:read"}).status_code == 403
    assert not ApiKey.objects.exists()
