"""Events and their deliveries: the outbox, written in the transaction of what happened (design.md §4.11)."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from moderation import dispatch
from moderation.models import ContentItem, Event, Platform, WebhookDelivery, WebhookEndpoint
from moderation.services import audit
from moderation.services.webhooks import circuit
from moderation.vocabulary import EventType

LARGEST_BODY = 20_000  # bytes, as Standard Webhooks asks


class PayloadTooLarge(ValueError):
    """Somebody put into an event what belongs behind `GET items/{id}`: our mistake, and no event's to carry."""


def emit(platform: Platform, kind: EventType, item: ContentItem | None, body: dict[str, Any]) -> Event:
    """One event and one delivery for each active endpoint, in the caller's transaction; rung after commit."""
    endpoints = WebhookEndpoint.objects.filter(platform=platform, active=True)
    return _emit(platform, kind, item, body, list(endpoints))


def send_test(endpoint: WebhookEndpoint) -> Event:
    """An `endpoint.test` event for this endpoint alone."""
    with transaction.atomic():
        circuit.probe(endpoint)
        return _emit(endpoint.platform, EventType.ENDPOINT_TEST, None, {"endpoint_id": str(endpoint.pk)}, [endpoint])


def _emit(
    platform: Platform,
    kind: EventType,
    item: ContentItem | None,
    body: dict[str, Any],
    endpoints: list[WebhookEndpoint],
) -> Event:
    now = timezone.now()
    payload = {"type": kind.value, "timestamp": now.isoformat(), "data": body}
    event = Event(platform=platform, item=item, type=kind, payload=payload)
    if len(event.body) > LARGEST_BODY:
        raise PayloadTooLarge(f"{kind}: more than {LARGEST_BODY} bytes")
    event.save(force_insert=True)
    deliveries = WebhookDelivery.objects.bulk_create(
        WebhookDelivery(event=event, endpoint=endpoint, item=item, started_at=now, next_attempt_at=now)
        for endpoint in endpoints
    )
    for delivery in deliveries:
        if delivery.endpoint.rests_until is None:
            dispatch.ring_delivery(delivery.pk)
    return event


@transaction.atomic
def number_events(limit: int = 1000) -> int:
    """Number committed events in the order of their ids; one process at a time, so a cursor never passes a hole."""
    if not audit.upkeep_lock(audit.Upkeep.NUMBERING):
        return 0
    last = Event.objects.aggregate(last=Max("number"))["last"] or 0
    waiting = list(Event.objects.filter(number=None).order_by("pk")[:limit])
    for number, event in enumerate(waiting, last + 1):
        event.number = number
    Event.objects.bulk_update(waiting, ["number"])
    return len(waiting)
