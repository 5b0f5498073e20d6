"""Sending again what has ended, by its id or by a time range, under the same message ids."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext

from moderation import dispatch
from moderation.models import Event, WebhookDelivery, WebhookEndpoint
from moderation.models.ids import first_id
from moderation.services import audit
from moderation.services.webhooks import circuit
from moderation.services.webhooks.sending import ring_waiting
from moderation.vocabulary import DeliveryState, EventType

ENDED = (DeliveryState.DELIVERED, DeliveryState.FAILED)
MOST_AT_ONCE = 10_000
NOT_ERASED = Q(item=None) | Q(item__erased_at=None)  # of events


class TooMany(ValueError):
    """More than can be sent again in one go; the message says how many."""


class Disabled(Exception):
    """Nothing is sent to this endpoint."""


@transaction.atomic
def replay(delivery: WebhookDelivery, *, actor: str) -> bool:
    """Sends an ended delivery once more; the schedule starts anew.

    False while it is still being tried, when its endpoint is disabled, or when its item was erased.
    """
    endpoint = circuit.lock(pk=delivery.endpoint_id, active=True)
    if endpoint is None:
        return False
    kept = Event.objects.filter(NOT_ERASED)
    found = WebhookDelivery.objects.filter(pk=delivery.pk, state__in=ENDED, event__in=kept)
    if not _begin_anew(found):
        return False
    audit.note("delivery.replayed", actor, f"delivery:{delivery.pk}", event=delivery.event_id)
    circuit.probe(endpoint)
    dispatch.ring_delivery(delivery.pk)
    return True


@transaction.atomic
def replay_range(
    endpoint: WebhookEndpoint, since: datetime, until: datetime, *, delivered_too: bool = False, actor: str
) -> int:
    """Sends again what happened from `since` on and before `until`; returns how many. Raises TooMany, Disabled.

    What failed, and what was never queued because the endpoint did not exist or was disabled; with `delivered_too`
    everything. Tests of endpoints and what was erased stay out.
    """
    locked = circuit.lock(pk=endpoint.pk, active=True)
    if locked is None:
        raise Disabled
    events = Event.objects.filter(
        NOT_ERASED,
        platform=endpoint.platform_id,
        pk__gte=first_id(since),
        pk__lt=first_id(until),
    ).exclude(type=EventType.ENDPOINT_TEST)
    states = ENDED if delivered_too else (DeliveryState.FAILED,)
    ended = WebhookDelivery.objects.filter(endpoint=endpoint, state__in=states, event__in=events)
    there = WebhookDelivery.objects.filter(endpoint=endpoint, event=OuterRef("pk"))
    missing = events.filter(~Exists(there))
    if (count := ended.count() + missing.count()) > MOST_AT_ONCE:
        raise TooMany(
            gettext("%(count)s events fall into this range; %(most_at_once)s are sent again in one go: narrow it")
            % {"count": count, "most_at_once": MOST_AT_ONCE}
        )
    now = timezone.now()
    begun = _begin_anew(ended)
    made = WebhookDelivery.objects.bulk_create(
        (
            WebhookDelivery(event=event, endpoint=endpoint, item_id=event.item_id, started_at=now, next_attempt_at=now)
            for event in missing.only("pk", "item_id")
        ),
        batch_size=500,
    )
    told = {"since": since.isoformat(), "until": until.isoformat(), "count": begun + len(made)}
    audit.note("endpoint.replayed", actor, f"endpoint:{endpoint.pk}", **told)
    circuit.probe(locked)
    ring_waiting(locked)
    return begun + len(made)


def _begin_anew(deliveries: QuerySet[WebhookDelivery]) -> int:
    now = timezone.now()
    return WebhookDelivery.objects.filter(pk__in=deliveries.values("pk"), state__in=ENDED).update(
        state=DeliveryState.PENDING, attempts=0, started_at=now, next_attempt_at=now, delivered_at=None
    )
