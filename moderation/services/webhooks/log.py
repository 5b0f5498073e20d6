"""The log of events for those who ask instead of being called: numbered after commit, for 30 days (design.md §4.11)."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, Max, OuterRef
from django.db.models.functions import Greatest
from django.utils import timezone

from moderation.conf import TURN_SECONDS
from moderation.models import OPEN_DELIVERY, Event, Platform, WebhookDelivery
from moderation.models.ids import first_id

KEPT = timedelta(days=30)
AT_ONCE = 1000


class CursorExpired(Exception):
    """Something behind the cursor is no longer kept, so reading on from it would leave a gap."""


@dataclass(frozen=True, slots=True)
class Page:
    events: list[Event]
    cursor: int
    more: bool


def read_on(platform: Platform, cursor: int | None, types: Collection[str], limit: int) -> Page:
    """What comes after the cursor, oldest first; None: from the oldest that is kept. Raises CursorExpired.

    The new cursor has passed nothing that was not told or filtered out, so reading on from it misses nothing.
    """
    numbered = Event.objects.filter(platform=platform, number__isnull=False)
    newest = numbered.aggregate(newest=Max("number"))["newest"] or 0  # what is numbered later is for the next page
    page = numbered.filter(number__gt=cursor or 0, number__lte=newest).order_by("number")
    if types:
        page = page.filter(type__in=types)
    events = list(page[: limit + 1])
    # only now: what was forgotten between the two reads is seen here
    forgotten = Platform.objects.values_list("forgotten_event", flat=True).get(pk=platform.pk)
    if cursor is not None and cursor < forgotten:
        raise CursorExpired
    if len(events) > limit:
        return Page(events[:limit], events[limit - 1].number or 0, more=True)
    return Page(events, max(newest, cursor or 0, forgotten), more=False)


def forget_events(seconds: float = TURN_SECONDS) -> int:
    """Drops events past their 30 days, with their deliveries; returns how many. What it leaves is the next turn's.

    The newest number of all stays, because the next is counted from it, and so does what is still being delivered.
    """
    until = time.monotonic() + seconds
    before = first_id(timezone.now() - KEPT)
    last = Event.objects.aggregate(last=Max("number"))["last"] or 0
    sending = WebhookDelivery.objects.filter(OPEN_DELIVERY, event=OuterRef("pk"))
    old = Event.objects.filter(~Exists(sending), pk__lt=before, number__lt=last).order_by("number")
    dropped = 0
    while rows := list(old.values_list("pk", "platform", "number")[:AT_ONCE]):
        newest = {platform: number for _, platform, number in rows}
        with transaction.atomic():
            for platform, number in newest.items():
                known = Greatest("forgotten_event", number)
                Platform.objects.filter(pk=platform).update(forgotten_event=known)
            Event.objects.filter(pk__in=[pk for pk, _, _ in rows]).delete()
        dropped += len(rows)
        if time.monotonic() >= until:
            break
    return dropped
