"""An endpoint hears of an item in the order in which things happened to it."""

from __future__ import annotations

import re
import threading
import time
from datetime import timedelta
from http.server import BaseHTTPRequestHandler

import pytest
from django.db import connection
from django.utils import timezone

from moderation.models import ContentItem, Event, WebhookDelivery
from moderation.models.ids import first_id, new_id
from moderation.services import webhooks
from moderation.services.webhooks import sending
from moderation.vocabulary import DeliveryState, EventType, ItemStatus
from tests import factories
from tests.moderation.hooks import add, deliver, due_now, emitted
from tests.moderation.receiver import Receiver, answering

pytestmark = pytest.mark.django_db


def test_a_later_event_of_an_item_waits_for_the_earlier_one(receiver: Receiver) -> None:
    endpoint, _ = add(receiver)
    item, other = factories.make_item(endpoint.platform), factories.make_item(endpoint.platform)
    WebhookDelivery.objects.all().delete()
    first, second = emitted(endpoint, item), emitted(endpoint, item)
    stranger, general = emitted(endpoint, other), emitted(endpoint)
    receiver.answer = answering(500)
    assert deliver(first) is DeliveryState.PENDING
    receiver.answer = answering(200)
    assert deliver(second) is None, "the earlier one is still being tried"
    assert deliver(stranger) is DeliveryState.DELIVERED, "another item's does not wait"
    assert deliver(general) is DeliveryState.DELIVERED
    due_now(first)
    assert deliver(first) is DeliveryState.DELIVERED
    assert deliver(second) is DeliveryState.DELIVERED


def test_it_goes_on_when_the_earlier_one_has_failed_for_good(receiver: Receiver) -> None:
    endpoint, _ = add(receiver)
    item = factories.make_item(endpoint.platform)
    first, second = emitted(endpoint, item), emitted(endpoint, item)
    WebhookDelivery.objects.filter(pk=first.pk).update(attempts=len(sending.WAITS))
    receiver.answer = answering(500)
    assert deliver(first) is DeliveryState.FAILED
    receiver.answer = answering(200)
    assert deliver(second) is DeliveryState.DELIVERED


def test_the_order_is_kept_for_each_endpoint_by_itself(receiver: Receiver) -> None:
    endpoint, _ = add(receiver)
    other, _ = webhooks.add_endpoint(endpoint.platform, f"{receiver.url}/2", actor="system")
    item = factories.make_item(endpoint.platform)
    emitted(endpoint, item)
    second = webhooks.emit(endpoint.platform, EventType.CASE_OPENED, item, {})
    WebhookDelivery.objects.filter(endpoint=other).exclude(event=second).update(state=DeliveryState.DELIVERED)
    assert deliver(second.deliveries.get(endpoint=other)) is DeliveryState.DELIVERED
    assert deliver(second.deliveries.get(endpoint=endpoint)) is None


def test_what_waits_for_its_turn_is_not_rung_for(receiver: Receiver) -> None:
    endpoint, _ = add(receiver)
    item = factories.make_item(endpoint.platform)
    first, _second, _third = (emitted(endpoint, item) for _ in range(3))
    assert webhooks.sweep() == 1
    WebhookDelivery.objects.filter(pk=first.pk).update(next_attempt_at=timezone.now() + timedelta(hours=1))
    assert webhooks.sweep() == 0


def test_a_retry_carries_the_same_message_id(receiver: Receiver) -> None:
    endpoint, _ = add(receiver)
    delivery = emitted(endpoint)
    receiver.answer = answering(503)
    deliver(delivery)
    due_now(delivery)
    receiver.answer = answering(200)
    assert deliver(delivery) is DeliveryState.DELIVERED
    assert [request.headers["webhook-id"] for request in receiver.requests] == [str(delivery.event_id)] * 2


@pytest.mark.django_db(transaction=True)
def test_four_workers_keep_the_order_of_an_item(receiver: Receiver) -> None:
    """Each tries all of them again and again; the receiver is slow, so that they would overtake each other."""
    endpoint, _ = add(receiver)
    item = factories.make_item(endpoint.platform)
    waiting = [emitted(endpoint, item) for _ in range(6)]

    def slow(given: BaseHTTPRequestHandler) -> None:
        time.sleep(0.03)
        answering(200)(given)

    def work() -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and WebhookDelivery.objects.exclude(state=DeliveryState.DELIVERED).exists():
            for delivery in reversed(waiting):
                webhooks.deliver(delivery.pk)
        connection.close()

    receiver.answer = slow
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [r.headers["webhook-id"] for r in receiver.requests] == [str(each.event_id) for each in waiting]


def test_the_claim_reads_its_order_from_an_index(receiver: Receiver) -> None:
    """With thousands that wait: what the database says it will do (EXPLAIN)."""
    endpoint, _ = add(receiver)
    items = ContentItem.objects.bulk_create(
        ContentItem(platform=endpoint.platform, external_id=f"post-{at}", status=ItemStatus.DONE) for at in range(800)
    )
    events = Event.objects.bulk_create(
        Event(platform=endpoint.platform, item=items[at % 800], type=EventType.ITEM_SCREENED, payload={})
        for at in range(4000)
    )
    WebhookDelivery.objects.bulk_create(
        WebhookDelivery(event=event, endpoint=endpoint, item=event.item, next_attempt_at=timezone.now())
        for event in events
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    plan = sending._due(timezone.now()).filter(pk=WebhookDelivery.objects.latest("pk").pk).explain()
    assert re.search(r"\bopen_by_item\b", plan), plan
    assert not re.search(r"Seq Scan|SCAN (?!.*USING)", plan), plan


def test_a_burst_of_ids_stays_in_order_and_in_its_time() -> None:
    """Processes take their order from the clock: none may run ahead of it."""
    made = [new_id() for _ in range(20_000)]
    assert made == sorted(set(made))
    assert {each.version for each in made} == {7}
    assert made[-1] < first_id(timezone.now() + timedelta(seconds=1))
    assert new_id() > made[-1]
