"""Events and their deliveries: the outbox (DESIGN §4.11, §4.15). Signed as Standard Webhooks 1.0 says."""

from __future__ import annotations

import json
import time
import uuid
from datetime import datetime, timedelta
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.db import transaction
from django.db.models import F, Max, Q, QuerySet
from django.utils import timezone

from moderation import dispatch, safe_http, signing
from moderation.conf import conf, fernet_keys
from moderation.models import ContentItem, Event, Platform, WebhookDelivery, WebhookEndpoint
from moderation.services import audit
from moderation.vocabulary import DeliveryState, EventType

# Standard Webhooks, "Deliverability and reliability": the first attempt at once, then these waits; then it has failed.
WAITS = tuple(timedelta(seconds=seconds) for seconds in (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400))
LEASE = timedelta(seconds=60)
LONGEST_WAIT = timedelta(hours=24)
LONGEST_URL = 500
RUNG_AT_ONCE = 1000  # messages in the queue: while no worker takes them, no more are added
OPEN = (DeliveryState.PENDING, DeliveryState.SENDING)
ENDED = (DeliveryState.DELIVERED, DeliveryState.FAILED)
BOTH_SECRETS = timedelta(hours=24)


def _box() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in fernet_keys()])


@transaction.atomic
def add_endpoint(platform: Platform, url: str, *, actor: str) -> tuple[WebhookEndpoint, str]:
    """The row, and the `whsec_…` secret that is shown once. Raises safe_http.UnsafeUrl or Unreachable."""
    if len(url) > LONGEST_URL:
        raise safe_http.UnsafeUrl(f"the URL has more than {LONGEST_URL} characters")
    safe_http.target_of(url, conf().WEBHOOK_ALLOWED)
    secret = signing.new_secret()
    endpoint = WebhookEndpoint.objects.create(
        platform=platform, url=url, secret=_box().encrypt(secret.encode()).decode()
    )
    audit.note("endpoint.added", actor, f"endpoint:{endpoint.pk}", platform=platform.pk)
    return endpoint, secret


@transaction.atomic
def disable_endpoint(endpoint: WebhookEndpoint, reason: str, *, actor: str) -> bool:
    """Nothing is sent there any more, and what waited has failed; False when it was disabled already."""
    if not WebhookEndpoint.objects.filter(pk=endpoint.pk, active=True).update(active=False, disabled_reason=reason):
        return False
    open_ones = WebhookDelivery.objects.filter(endpoint=endpoint, state__in=OPEN)
    open_ones.update(state=DeliveryState.FAILED, lease_token=None, lease_until=None, last_error=reason)
    audit.note("endpoint.disabled", actor, f"endpoint:{endpoint.pk}")  # the reason is free text: not for the chain
    return True


@transaction.atomic
def rotate_secret(endpoint: WebhookEndpoint, *, actor: str) -> str:
    """A new secret, shown once. For a day each message is signed with both, so that the receiver can change over."""
    row = WebhookEndpoint.objects.select_for_update(no_key=True).get(pk=endpoint.pk)
    secret = signing.new_secret()
    WebhookEndpoint.objects.filter(pk=row.pk).update(
        secret=_box().encrypt(secret.encode()).decode(),
        old_secret=row.secret,
        old_secret_until=timezone.now() + BOTH_SECRETS,
    )
    audit.note("endpoint.rotated", actor, f"endpoint:{row.pk}")
    return secret


@transaction.atomic
def enable_endpoint(endpoint: WebhookEndpoint, *, actor: str) -> bool:
    """Sends there again from now on; what failed meanwhile can be replayed. False when it was not disabled.

    Raises safe_http.UnsafeUrl or Unreachable where it must not, or cannot, be called any more.
    """
    safe_http.target_of(endpoint.url, conf().WEBHOOK_ALLOWED)
    if not WebhookEndpoint.objects.filter(pk=endpoint.pk, active=False).update(active=True, disabled_reason=""):
        return False
    audit.note("endpoint.enabled", actor, f"endpoint:{endpoint.pk}")
    return True


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
    secret, *older = _secrets(delivery.endpoint)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "deepfake-guard",
        **signing.headers(secret, str(delivery.event_id), int(time.time()), body, older=older),
    }
    return safe_http.post(delivery.endpoint.url, body, headers, conf().WEBHOOK_ALLOWED)


def _secrets(endpoint: WebhookEndpoint) -> list[str]:
    """Newest first; the one before while a rotation is being followed."""
    until = endpoint.old_secret_until
    kept = [endpoint.secret, *([endpoint.old_secret] if until is not None and until > timezone.now() else [])]
    return [_box().decrypt(secret.encode()).decode() for secret in kept]


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
