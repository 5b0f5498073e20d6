"""Reads for the platform pages. Nothing here writes."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from moderation.models import Platform, WebhookDelivery, WebhookEndpoint
from moderation.reach import sees
from moderation.vocabulary import DeliveryState

PAGE = 50
LATEST = 8
WAITING = Q(deliveries__state__in=(DeliveryState.PENDING, DeliveryState.SENDING))


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    deliveries: Sequence[WebhookDelivery]
    older: str


def platforms_with_counts(user: User | AnonymousUser) -> QuerySet[Platform]:
    """`usable_keys` and `live_endpoints` of each that the person sees, by name."""
    unexpired = Q(keys__expires_at=None) | Q(keys__expires_at__gt=timezone.now())
    usable = Count("keys", filter=Q(keys__revoked_at=None, keys__isnull=False) & unexpired, distinct=True)
    live = Count("endpoints", filter=Q(endpoints__active=True), distinct=True)
    return Platform.objects.filter(sees(user, "pk")).annotate(usable_keys=usable, live_endpoints=live).order_by("name")


def endpoints_of(platform: Platform) -> QuerySet[WebhookEndpoint]:
    """`waiting` and `failed` deliveries of each."""
    counted = WebhookEndpoint.objects.filter(platform=platform).annotate(
        waiting=Count("deliveries", filter=WAITING),
        failed=Count("deliveries", filter=Q(deliveries__state=DeliveryState.FAILED)),
    )
    return counted.order_by("-active", "created_at")


def deliveries_of(platform: Platform) -> list[WebhookDelivery]:
    return list(_newest(platform)[:LATEST])


def delivery_page(platform: Platform, state: str, query: str, *, before: str = "") -> DeliveryPage:
    """`query`: an id, of a delivery, an event or an item, or the platform's own; `before`: the id to go on from."""
    found = _newest(platform)
    if state:
        found = found.filter(state=state)
    if query:
        found = found.filter(_named(query))
    if (cursor := _uuid(before)) is not None:
        found = found.filter(pk__lt=cursor)
    rows = list(found[: PAGE + 1])
    return DeliveryPage(rows[:PAGE], str(rows[PAGE - 1].pk) if len(rows) > PAGE else "")


def _newest(platform: Platform) -> QuerySet[WebhookDelivery]:
    """Ids are ordered by time, so the newest first needs no sorting."""
    return (
        WebhookDelivery.objects.filter(endpoint__platform=platform)
        .select_related("event__item", "endpoint")
        .order_by("-pk")
    )


def _named(query: str) -> Q:
    row_id = _uuid(query)
    if row_id is None:
        return Q(event__item__external_id=query)
    return Q(pk=row_id) | Q(event=row_id) | Q(event__item=row_id)


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
