"""Endpoints and deliveries on the platform's page."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from moderation.models import AuditEntry, WebhookDelivery, WebhookEndpoint
from moderation.services import retention, webhooks
from moderation.vocabulary import DeliveryState, EventType
from tests.factories import ACTOR, make_item, make_platform
from tests.moderation.console.pages import text
from tests.moderation.console.platform_page import admin as admin
from tests.moderation.console.platform_page import at, endpoint_of, sent, shown_secret
from tests.moderation.console.platform_page import receiver as receiver
from tests.moderation.receiver import Receiver

pytestmark = pytest.mark.django_db


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
