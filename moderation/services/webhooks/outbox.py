"""Events and their deliveries: the outbox, written in the transaction of what happened (DESIGN §4.11)."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Max, Q
from django.utils import timezone

from moderation import dispatch
from moderation.models import ContentItem, Event, Platform, WebhookDelivery, WebhookEndpoint
from moderation.services import audit
from moderation.vocabulary import DeliveryState, EventType

ENDED = (DeliveryState.DELIVERED, DeliveryState.FAILED)


def emit(platform: Platform, kind: EventType, item: ContentItem | None, body: dict[str, Any]) -> Event:
    """One event and one delivery for each active endpoint, in the caller's transaction; rung after commit."""
    endpoints = WebhookEndpoint.objects.filter(platform=platform, active=True)
    return _emit(platform, kind, item, body, list(endpoints))


def send_test(endpoint: WebhookEndpoint) -> Event:
    """An `endpoint.test` event for this endpoint alone."""
    with transaction.atomic():
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
    event = Event.objects.create(platform=platform, item=item, type=kind, payload=payload)
    deliveries = WebhookDelivery.objects.bulk_create(
        WebhookDelivery(event=event, endpoint=endpoint, next_attempt_at=now) for endpoint in endpoints
    )
    for delivery in deliveries:
        dispatch.ring_delivery(delivery.pk)
    return event


@transaction.atomic
def replay(delivery: WebhookDelivery, *, actor: str) -> bool:
    """Sends an ended delivery once more, under the same message id; the schedule starts anew.

    False while it is still being tried, when its endpoint is disabled, or when its item was erased.
    """
    ended = WebhookDelivery.objects.filter(
        Q(event__item=None) | Q(event__item__erased_at=None),
        pk=delivery.pk,
        endpoint__active=True,
    )
    won = WebhookDelivery.objects.filter(pk__in=ended.values("pk"), state__in=ENDED).update(
        state=DeliveryState.PENDING, attempts=0, next_attempt_at=timezone.now(), delivered_at=None
    )
    if not won:
        return False
    audit.note("delivery.replayed", actor, f"delivery:{delivery.pk}", event=delivery.event_id)
    dispatch.ring_delivery(delivery.pk)
    return True


@transaction.atomic
def number_events(limit: int = 1000) -> int:
    """Number committed events in the order of their ids; one process at a time, so a cursor never passes a hole."""
    if not audit.upkeep_lock():
        return 0
    last = Event.objects.aggregate(last=Max("number"))["last"] or 0
    waiting = list(Event.objects.filter(number=None).order_by("pk")[:limit])
    for number, event in enumerate(waiting, last + 1):
        event.number = number
    Event.objects.bulk_update(waiting, ["number"])
    return len(waiting)
