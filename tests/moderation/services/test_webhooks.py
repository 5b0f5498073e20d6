from __future__ import annotations

import json
import threading
import time
import uuid
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
import redis
from cryptography.fernet import Fernet
from django.conf import settings as django_settings
from django.db import connection, transaction
from django.utils import timezone
from standardwebhooks import Webhook

from moderation import dispatch, safe_http
from moderation.models import AuditEntry, Event, WebhookDelivery, WebhookEndpoint
from moderation.safe_http import UnsafeUrl
from moderation.services import webhooks
from moderation.services.webhooks import sending
from moderation.vocabulary import DeliveryState, EventType
from tests import factories
from tests.moderation.hooks import add, configure, deliver, due_now, emitted
from tests.moderation.receiver import Receiver, answering

pytestmark = pytest.mark.django_db
SCHEDULE = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)  # Standard Webhooks, seconds after each attempt


def test_it_delivers_what_the_reference_library_verifies(receiver: Receiver) -> None:
    endpoint, secret = add(receiver)
    delivery = emitted(endpoint, item_id="ü", p_value=0.004)
    receiver.answer = answering(204, b"")
    assert deliver(delivery) is DeliveryState.DELIVERED
    (request,) = receiver.requests
    message = Webhook(secret).verify(request.body, request.headers)
    assert (message["type"], message["data"]) == ("item.screened", {"item_id": "ü", "p_value": 0.004})
    assert datetime.fromisoformat(message["timestamp"]).utcoffset() == timedelta(0)
    assert request.headers["webhook-id"] == str(delivery.event_id)
    assert request.headers["content-type"] == "application/json"
    assert (delivery.attempts, delivery.last_status, delivery.last_error) == (1, 204, "")
    assert delivery.delivered_at is not None


def test_it_sends_one_message_however_often_it_is_rung(receiver: Receiver) -> None:
    endpoint, _ = add(receiver)
    delivery = emitted(endpoint)
    assert deliver(delivery) is DeliveryState.DELIVERED
    assert deliver(delivery) is None
    assert webhooks.deliver(uuid.uuid4()) is None, "and nothing for a row that is gone"
    assert len(receiver.requests) == 1


@pytest.mark.django_db(transaction=True)
def test_of_eight_workers_one_sends(receiver: Receiver, broker: redis.Redis) -> None:
    endpoint, _ = add(receiver)
    delivery = emitted(endpoint)
    together, outcomes = threading.Barrier(8), []

    def slow(given: BaseHTTPRequestHandler) -> None:
        time.sleep(0.2)
        answering(200)(given)

    def work() -> None:
        together.wait()
        outcomes.append(webhooks.deliver(delivery.pk))
        connection.close()

    receiver.answer = slow
    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes, key=str) == [None] * 7 + [DeliveryState.DELIVERED]
    assert len(receiver.requests) == 1


def test_it_tries_again_by_the_schedule_and_then_gives_up(receiver: Receiver) -> None:
    endpoint, _ = add(receiver)
    delivery = emitted(endpoint)
    receiver.answer = answering(500, b"we are moving house")
    for attempt, wait in enumerate(SCHEDULE, 1):
        due_now(delivery)
        assert deliver(delivery) is DeliveryState.PENDING
        assert (delivery.attempts, delivery.last_error) == (attempt, "answered 500")
        assert delivery.answer_excerpt == "we are moving house"
        assert abs(delivery.next_attempt_at - timezone.now() - timedelta(seconds=wait)) < timedelta(seconds=5)
        assert deliver(delivery) is None, "not before its time"
    due_now(delivery)
    assert deliver(delivery) is DeliveryState.FAILED
    ids = {request.headers["webhook-id"] for request in receiver.requests}
    assert (len(receiver.requests), len(ids)) == (10, 1)
    due_now(delivery)
    assert deliver(delivery) is None
    assert webhooks.sweep() == 0


@pytest.mark.parametrize(("asked", "seconds"), [("600", 600), ("1", 5), ("999999", 86_400)])
def test_it_waits_as_long_as_it_is_asked_to(receiver: Receiver, asked: str, seconds: int) -> None:
    """Never less than the schedule, never more than a day."""
    endpoint, _ = add(receiver)
    delivery = emitted(endpoint)
    receiver.answer = answering(429, Retry_After=asked)
    assert deliver(delivery) is DeliveryState.PENDING
    assert abs(delivery.next_attempt_at - timezone.now() - timedelta(seconds=seconds)) < timedelta(seconds=4)


def test_a_redirect_is_a_failed_attempt(receiver: Receiver) -> None:
    endpoint, _ = add(receiver)
    delivery = emitted(endpoint)
    receiver.answer = answering(302, Location="http://169.254.169.254/")
    assert deliver(delivery) is DeliveryState.PENDING
    assert delivery.last_error == "answered 302"


def test_an_endpoint_that_is_gone_is_disabled(receiver: Receiver) -> None:
    endpoint, _ = add(receiver)
    delivery, other = emitted(endpoint), emitted(endpoint)
    receiver.answer = answering(410, b"gone")
    assert deliver(delivery) is DeliveryState.FAILED
    endpoint.refresh_from_db()
    other.refresh_from_db()
    assert (endpoint.active, endpoint.disabled_reason) == (False, "answered 410 Gone")
    assert other.state == DeliveryState.FAILED
    assert not webhooks.emit(endpoint.platform, EventType.CASE_OPENED, None, {}).deliveries.exists()
    assert AuditEntry.objects.filter(action="endpoint.disabled", subject=f"endpoint:{endpoint.pk}").count() == 1


def test_what_is_queued_while_its_endpoint_is_disabled_is_not_rung_for_ever(receiver: Receiver) -> None:
    endpoint, _ = add(receiver)
    delivery = emitted(endpoint)
    WebhookEndpoint.objects.update(active=False)
    assert deliver(delivery) is None
    assert webhooks.sweep() == 0
    delivery.refresh_from_db()
    assert (delivery.state, delivery.last_error) == (DeliveryState.FAILED, "the endpoint is disabled")
    assert receiver.requests == []


def test_it_records_why_nobody_could_be_reached(receiver: Receiver, settings: Any) -> None:
    endpoint, _ = add(receiver)
    delivery = emitted(endpoint)
    configure(settings, WEBHOOK_ALLOWED=[])
    assert deliver(delivery) is DeliveryState.PENDING
    assert (delivery.last_status, delivery.last_error) == (None, "only https:// is called")


def test_a_sender_that_died_is_followed_and_a_late_one_records_nothing(receiver: Receiver) -> None:
    endpoint, _ = add(receiver)
    delivery = emitted(endpoint)
    token = uuid.uuid4()
    assert sending._claim(delivery.pk, token) is not None
    assert deliver(delivery) is None, "somebody is sending it"
    WebhookDelivery.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert webhooks.sweep() == 1
    assert deliver(delivery) is DeliveryState.DELIVERED
    assert sending._record(delivery, token, None, "late") is None
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts, delivery.last_error) == (DeliveryState.DELIVERED, 2, "")


def test_a_delivery_whose_senders_all_die_has_failed_in_the_end(receiver: Receiver) -> None:
    endpoint, _ = add(receiver)
    delivery = emitted(endpoint)
    for _ in range(10):
        assert webhooks.sweep() == 1
        assert sending._claim(delivery.pk, uuid.uuid4()) is not None
        WebhookDelivery.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert webhooks.sweep() == 0
    assert deliver(delivery) is None
    assert (delivery.state, delivery.last_error) == (DeliveryState.FAILED, "the last sender did not come back")


def test_every_active_endpoint_of_the_platform_gets_its_own_delivery(receiver: Receiver) -> None:
    endpoint, _ = add(receiver)
    second, _ = webhooks.add_endpoint(endpoint.platform, f"{receiver.url}/2", actor="system")
    stranger, _ = add(receiver)
    event = webhooks.emit(endpoint.platform, EventType.ITEM_SCREENED, None, {})
    assert {delivery.endpoint_id for delivery in event.deliveries.all()} == {endpoint.pk, second.pk}
    assert not stranger.deliveries.exists()


def test_an_event_is_kept_without_any_endpoint() -> None:
    event = webhooks.emit(factories.make_platform(), EventType.ITEM_SCREENED, None, {"item_id": "i"})
    assert Event.objects.get().payload["data"] == {"item_id": "i"}
    assert not event.deliveries.exists()


def test_a_test_event_goes_to_one_endpoint_alone(receiver: Receiver) -> None:
    endpoint, secret = add(receiver)
    webhooks.add_endpoint(endpoint.platform, f"{receiver.url}/2", actor="system")
    (delivery,) = webhooks.send_test(endpoint).deliveries.all()
    assert deliver(delivery) is DeliveryState.DELIVERED
    (request,) = receiver.requests
    assert Webhook(secret).verify(request.body, request.headers)["type"] == "endpoint.test"


@pytest.mark.django_db(transaction=True)
def test_it_rings_after_the_commit_and_not_after_a_rollback(receiver: Receiver, broker: redis.Redis) -> None:
    endpoint, _ = add(receiver)
    queue = f"{django_settings.CELERY_KEY_PREFIX}deliver"
    broker.delete(queue)
    with transaction.atomic():
        delivery = emitted(endpoint)
        assert broker.llen(queue) == 0
    assert broker.llen(queue) == 1
    message = json.loads(broker.lindex(queue, 0) or b"")
    assert message["headers"]["task"] == dispatch.DELIVER_TASK
    assert message["headers"]["argsrepr"] == f"['{delivery.pk}']"
    with transaction.atomic():
        emitted(endpoint)
        transaction.set_rollback(True)
    assert (broker.llen(queue), Event.objects.count()) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_a_lost_ring_is_found_by_the_sweeper(receiver: Receiver, broker: redis.Redis) -> None:
    endpoint, _ = add(receiver)
    emitted(endpoint)
    later = emitted(endpoint)
    WebhookDelivery.objects.filter(pk=later.pk).update(next_attempt_at=timezone.now() + timedelta(hours=1))
    queue = f"{django_settings.CELERY_KEY_PREFIX}deliver"
    broker.delete(queue)
    assert webhooks.sweep() == 1
    assert broker.llen(queue) == 1


@pytest.mark.django_db(transaction=True)
def test_the_queue_does_not_grow_while_nobody_takes_from_it(
    receiver: Receiver, broker: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "RUNG_AT_ONCE", 3)
    endpoint, _ = add(receiver)
    queue = f"{django_settings.CELERY_KEY_PREFIX}deliver"
    for _ in range(5):
        emitted(endpoint)
    broker.delete(queue)
    assert [webhooks.sweep(), webhooks.sweep()] == [3, 0]
    assert broker.llen(queue) == 3


def test_secrets_lie_encrypted_and_survive_a_new_key(receiver: Receiver, settings: Any) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    configure(settings, WEBHOOK_ALLOWED=[receiver.entry], FERNET_KEYS=[old])
    endpoint, secret = add(receiver)
    assert secret not in endpoint.secret
    configure(settings, WEBHOOK_ALLOWED=[receiver.entry], FERNET_KEYS=[new, old])
    assert deliver(emitted(endpoint)) is DeliveryState.DELIVERED
    configure(settings, WEBHOOK_ALLOWED=[receiver.entry], FERNET_KEYS=[new])
    lost = emitted(endpoint)
    assert deliver(lost) is DeliveryState.PENDING, "the key may come back"
    assert "key that is gone" in lost.last_error
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("url", ["https://127.0.0.1/hook", "http://hooks.example/", "https://a.example/" + "a" * 500])
def test_it_adds_no_endpoint_that_must_not_be_called(url: str) -> None:
    with pytest.raises(UnsafeUrl):
        webhooks.add_endpoint(factories.make_platform(), url, actor="system")
    assert not WebhookEndpoint.objects.exists()


def test_events_are_numbered_in_order_once_and_without_a_hole() -> None:
    platform = factories.make_platform()
    events = [webhooks.emit(platform, EventType.ITEM_SCREENED, None, {"i": i}) for i in range(5)]
    assert [webhooks.number_events(limit=2), webhooks.number_events(), webhooks.number_events()] == [2, 3, 0]
    webhooks.emit(platform, EventType.ITEM_SCREENED, None, {})
    assert webhooks.number_events() == 1
    numbers = dict(Event.objects.values_list("pk", "number"))
    assert [numbers[event.pk] for event in events] == [1, 2, 3, 4, 5]
    assert set(numbers.values()) == {1, 2, 3, 4, 5, 6}


@pytest.mark.django_db(transaction=True)
def test_it_holds_no_transaction_while_a_name_is_looked_up(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    inside, really = [], safe_http.target_of

    def look(*args: Any) -> Any:
        inside.append(connection.in_atomic_block)
        return really(*args)

    monkeypatch.setattr(safe_http, "target_of", look)
    endpoint, _ = add(receiver)
    assert webhooks.disable_endpoint(endpoint, "moved", actor="system")
    assert webhooks.enable_endpoint(endpoint, actor="system")
    assert inside == [False, False]
