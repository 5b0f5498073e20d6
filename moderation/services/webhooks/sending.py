"""Sending what the outbox holds, signed as Standard Webhooks 1.0 says; retries live in the row."""

from __future__ import annotations

import time
import uuid
from datetime import datetime, timedelta

from cryptography.fernet import InvalidToken
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from moderation import dispatch, safe_http, signing
from moderation.conf import conf
from moderation.models import OPEN_DELIVERY, WebhookDelivery, WebhookEndpoint
from moderation.redaction import redacted
from moderation.services.webhooks import circuit
from moderation.services.webhooks.endpoints import disable_endpoint, secrets_of
from moderation.vocabulary import DeliveryState

# Standard Webhooks, "Deliverability and reliability": the first attempt at once, then these waits; then it has failed.
WAITS = tuple(timedelta(seconds=seconds) for seconds in (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400))
WHOLE_SCHEDULE = sum(WAITS, timedelta(0))
LEASE = timedelta(seconds=60)
LONGEST_WAIT = timedelta(hours=24)
SWEPT_EVERY = timedelta(seconds=15)
OPEN_STATES = (DeliveryState.PENDING, DeliveryState.SENDING)
RUNG_AT_ONCE = 1000  # messages in the queue: while no worker takes them, no more are added


def deliver(delivery_id: uuid.UUID) -> DeliveryState | None:
    """Send one delivery that is due; None when it is not, or somebody else has it. The message id is the event's."""
    token = uuid.uuid4()
    delivery = _claim(delivery_id, token)
    if delivery is None:
        return None
    try:
        answer = _send(delivery)
    except (safe_http.UnsafeUrl, safe_http.Unreachable) as error:
        return _record(delivery, token, None, str(error))
    except InvalidToken:
        return _record(delivery, token, None, "the endpoint's secret was encrypted under a key that is gone")
    return _record(delivery, token, answer, "")


@transaction.atomic
def _claim(delivery_id: uuid.UUID, token: uuid.UUID) -> WebhookDelivery | None:
    """One conditional UPDATE: of two that come at once, the second finds it changed."""
    now = timezone.now()
    endpoint = circuit.lock(deliveries=delivery_id, deliveries__state__in=OPEN_STATES, active=True)
    if endpoint is None or not circuit.room(endpoint, now):
        return None
    if (
        not _due(now)
        .filter(pk=delivery_id)
        .update(
            state=DeliveryState.SENDING,
            lease_token=token,
            lease_until=now + LEASE,
            attempts=F("attempts") + 1,
            attempted_at=now,
        )
    ):
        return None
    return WebhookDelivery.objects.select_related("event", "endpoint").get(pk=delivery_id)


def _due(now: datetime) -> QuerySet[WebhookDelivery]:
    """Waiting for its time, or left by a sender that died; and all that came before it for its item has ended."""
    left = Q(state=DeliveryState.SENDING, lease_until__lt=now, attempts__lte=len(WAITS))
    free = Q(state=DeliveryState.PENDING) | left
    earlier = WebhookDelivery.objects.filter(
        OPEN_DELIVERY, endpoint=OuterRef("endpoint"), item=OuterRef("item"), event_id__lt=OuterRef("event_id")
    )
    return WebhookDelivery.objects.filter(OPEN_DELIVERY, free, ~Exists(earlier), next_attempt_at__lte=now)


def late(since: datetime) -> int:
    """Deliveries that could have been sent since then, and were not: a worker or the sweeper is missing."""
    return _due(since).filter(endpoint__in=circuit.answering(timezone.now())).count()


def _send(delivery: WebhookDelivery) -> safe_http.Answer:
    body = delivery.event.body
    secret, *older = secrets_of(delivery.endpoint)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "deepfake-guard",
        **signing.headers(secret, str(delivery.event_id), int(time.time()), body, older=older),
    }
    values = conf()
    return safe_http.post(delivery.endpoint.url, body, headers, values.WEBHOOK_ALLOWED, values.EGRESS_PROXY)


@transaction.atomic
def _record(
    delivery: WebhookDelivery, token: uuid.UUID, answer: safe_http.Answer | None, error: str
) -> DeliveryState | None:
    now = timezone.now()
    ok = answer is not None and 200 <= answer.status < 300
    again = None if ok else _next_attempt(delivery.attempts, answer, now)
    state = DeliveryState.DELIVERED if ok else DeliveryState.FAILED if again is None else DeliveryState.PENDING
    endpoint = circuit.lock(pk=delivery.endpoint_id)
    # a sender that was overtaken (its lease ran out) records nothing
    held = WebhookDelivery.objects.filter(pk=delivery.pk, state=DeliveryState.SENDING, lease_token=token)
    if endpoint is None or not held.update(
        state=state,
        next_attempt_at=again or now,
        lease_token=None,
        lease_until=None,
        last_status=answer.status if answer else None,
        last_error=error[:300] or ("" if ok else f"answered {answer.status if answer else 'nothing'}"),
        answer_excerpt=redacted(answer.excerpt) if answer else "",
        delivered_at=now if ok else None,
    ):
        return None
    recovered = ok and bool(endpoint.failures)
    circuit.note(endpoint, ok, now)
    if answer is not None and answer.status == 410:
        disable_endpoint(endpoint, "answered 410 Gone", actor="system")
        return state
    if again is not None and again - now < SWEPT_EVERY:
        dispatch.ring_delivery(delivery.pk, at=again)
    # one for one: more would ring again and again for what has a message in a long queue already
    ring_waiting(endpoint, circuit.AT_ONCE if recovered else 1)
    return state


def _next_attempt(attempts: int, answer: safe_http.Answer | None, now: datetime) -> datetime | None:
    if attempts > len(WAITS) or (answer is not None and answer.status == 410):
        return None
    asked = timedelta(seconds=answer.retry_after or 0) if answer is not None else timedelta(0)
    return now + min(max(WAITS[attempts - 1], asked), LONGEST_WAIT)


def ring_waiting(endpoint: WebhookEndpoint, most: int = circuit.AT_ONCE) -> int:
    """Ring for the due ones that have waited longest, as many as may be sent there now and `most` at most."""
    now = timezone.now()
    due = _due(now).filter(endpoint=endpoint).order_by("next_attempt_at").values_list("pk", flat=True)
    waiting = list(due[: min(most, circuit.room(endpoint, now))])
    for delivery_id in waiting:
        dispatch.ring_delivery(delivery_id)
    return len(waiting)


def sweep() -> int:
    """Ring for what is due, an endpoint after the other; returns how many. What can never be sent has failed."""
    _give_up()
    now = timezone.now()
    left = RUNG_AT_ONCE - dispatch.depth(dispatch.DELIVER_QUEUE)
    due = WebhookDelivery.objects.filter(OPEN_DELIVERY, endpoint=OuterRef("pk"), next_attempt_at__lte=now)
    rung = 0
    for endpoint in circuit.answering(now).filter(Exists(due)):
        if rung >= left:
            break
        rung += ring_waiting(endpoint, left - rung)
    return rung


def _give_up() -> None:
    """Deliveries to a disabled endpoint, those that a silent one kept waiting for as long as the whole schedule, and
    those whose senders all died."""
    died = WebhookDelivery.objects.filter(state=DeliveryState.SENDING, lease_until__lt=timezone.now())
    died.filter(attempts__gt=len(WAITS)).update(
        state=DeliveryState.FAILED, lease_token=None, lease_until=None, last_error="the last sender did not come back"
    )
    pending = WebhookDelivery.objects.filter(state=DeliveryState.PENDING)
    disabled = WebhookEndpoint.objects.filter(active=False)
    pending.filter(endpoint__in=disabled).update(state=DeliveryState.FAILED, last_error="the endpoint is disabled")
    silent = WebhookEndpoint.objects.filter(active=True, failures__gte=circuit.BREAK_AFTER)
    pending.filter(endpoint__in=silent, started_at__lt=timezone.now() - WHOLE_SCHEDULE).update(
        state=DeliveryState.FAILED, last_error="the endpoint has failed for as long as the whole schedule"
    )
