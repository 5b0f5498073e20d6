"""Sending what the outbox holds, signed as Standard Webhooks 1.0 says; retries live in the row."""

from __future__ import annotations

import json
import time
import uuid
from datetime import datetime, timedelta

from cryptography.fernet import InvalidToken
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from moderation import dispatch, safe_http, signing
from moderation.conf import conf
from moderation.models import WebhookDelivery, WebhookEndpoint
from moderation.services.webhooks.endpoints import disable_endpoint, secrets_of
from moderation.vocabulary import DeliveryState

# Standard Webhooks, "Deliverability and reliability": the first attempt at once, then these waits; then it has failed.
WAITS = tuple(timedelta(seconds=seconds) for seconds in (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400))
LEASE = timedelta(seconds=60)
LONGEST_WAIT = timedelta(hours=24)
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


def _claim(delivery_id: uuid.UUID, token: uuid.UUID) -> WebhookDelivery | None:
    """One conditional UPDATE on the row's own columns: of two that come at once, the second finds them changed."""
    now = timezone.now()
    due = _due(now).filter(pk=delivery_id, endpoint__in=WebhookEndpoint.objects.filter(active=True))
    if not due.update(
        state=DeliveryState.SENDING, lease_token=token, lease_until=now + LEASE, attempts=F("attempts") + 1
    ):
        return None
    return WebhookDelivery.objects.select_related("event", "endpoint").filter(pk=delivery_id, lease_token=token).first()


def _due(now: datetime) -> QuerySet[WebhookDelivery]:
    """Waiting for its time, or left by a sender that died."""
    free = Q(state=DeliveryState.PENDING) | Q(state=DeliveryState.SENDING, lease_until__lt=now)
    return WebhookDelivery.objects.filter(free, next_attempt_at__lte=now)


def _send(delivery: WebhookDelivery) -> safe_http.Answer:
    body = json.dumps(delivery.event.payload, separators=(",", ":"), ensure_ascii=False).encode()
    secret, *older = secrets_of(delivery.endpoint)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "deepfake-guard",
        **signing.headers(secret, str(delivery.event_id), int(time.time()), body, older=older),
    }
    return safe_http.post(delivery.endpoint.url, body, headers, conf().WEBHOOK_ALLOWED)


@transaction.atomic
def _record(
    delivery: WebhookDelivery, token: uuid.UUID, answer: safe_http.Answer | None, error: str
) -> DeliveryState | None:
    now = timezone.now()
    ok = answer is not None and 200 <= answer.status < 300
    again = None if ok else _next_attempt(delivery.attempts, answer, now)
    state = DeliveryState.DELIVERED if ok else DeliveryState.FAILED if again is None else DeliveryState.PENDING
    # a sender that was overtaken (its lease ran out) records nothing
    held = WebhookDelivery.objects.filter(pk=delivery.pk, state=DeliveryState.SENDING, lease_token=token)
    if not held.update(
        state=state,
        next_attempt_at=again or now,
        lease_token=None,
        lease_until=None,
        last_status=answer.status if answer else None,
        last_error=error[:300] or ("" if ok else f"answered {answer.status if answer else 'nothing'}"),
        answer_excerpt=answer.excerpt if answer else "",
        delivered_at=now if ok else None,
    ):
        return None
    if answer is not None and answer.status == 410:
        disable_endpoint(delivery.endpoint, "answered 410 Gone", actor="system")
    return state


def _next_attempt(attempts: int, answer: safe_http.Answer | None, now: datetime) -> datetime | None:
    if attempts > len(WAITS) or (answer is not None and answer.status == 410):
        return None
    asked = timedelta(seconds=answer.retry_after or 0) if answer is not None else timedelta(0)
    return now + min(max(WAITS[attempts - 1], asked), LONGEST_WAIT)


def sweep() -> int:
    """Ring for all that is due; returns how many. What was queued while its endpoint was being disabled has failed."""
    stray = WebhookDelivery.objects.filter(state=DeliveryState.PENDING, endpoint__active=False)
    stray.update(state=DeliveryState.FAILED, last_error="the endpoint is disabled")
    room = max(0, RUNG_AT_ONCE - dispatch.depth(dispatch.DELIVER_QUEUE))
    waiting = list(_due(timezone.now()).order_by("next_attempt_at").values_list("pk", flat=True)[:room])
    for delivery_id in waiting:
        dispatch.ring_delivery(delivery_id)
    return len(waiting)
