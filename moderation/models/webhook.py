from __future__ import annotations

import json
from datetime import datetime
from urllib.parse import urlsplit

from django.db import models
from django.utils import timezone

from moderation.models.content import ContentItem
from moderation.models.ids import choices, new_id
from moderation.models.platform import Platform
from moderation.vocabulary import DeliveryState, EventType

PAYLOAD = ("type", "timestamp", "data")  # as Standard Webhooks has it; of an erased item only the last
EXCERPT = 500  # characters of what was sent
# spelled as an OR, because SQLite uses an index with this condition only for a query that spells it so too
OPEN_DELIVERY = models.Q(state=DeliveryState.PENDING) | models.Q(state=DeliveryState.SENDING)


class Event(models.Model):
    """What a platform may want to hear of; a row each, endpoint or not. Numbered after commit (design.md §4.11)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    platform = models.ForeignKey(Platform, models.CASCADE, related_name="events")
    item = models.ForeignKey(ContentItem, models.CASCADE, null=True, blank=True, related_name="events")
    type = models.CharField(max_length=40, choices=choices(EventType))
    payload = models.JSONField()
    number = models.PositiveBigIntegerField(null=True, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [
            models.Index(fields=["id"], condition=models.Q(number__isnull=True), name="unnumbered_events"),
            models.Index(fields=["platform", "number"], name="events_of_a_platform"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.id}"

    @property
    def body(self) -> bytes:
        """The bytes that are sent and signed."""
        told = {name: self.payload[name] for name in PAYLOAD if name in self.payload}  # PostgreSQL keeps no order
        return json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode()


class WebhookEndpoint(models.Model):
    """`secret` is encrypted at rest (MultiFernet); in clear it is a Standard Webhooks `whsec_…`, shown once.

    `failures` in a row and `open_until` are the circuit breaker's: until then nothing is sent there.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    platform = models.ForeignKey(Platform, models.CASCADE, related_name="endpoints")
    url = models.URLField(max_length=500)
    description = models.CharField(max_length=200, blank=True)
    secret = models.TextField(editable=False)
    old_secret = models.TextField(editable=False, blank=True)
    old_secret_until = models.DateTimeField(null=True, blank=True, help_text="signs beside the new one until then")
    active = models.BooleanField(default=True)
    disabled_reason = models.CharField(max_length=100, blank=True)
    failures = models.PositiveIntegerField(default=0, help_text="attempts in a row that failed")
    open_until = models.DateTimeField(null=True, blank=True, help_text="nothing is sent before")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.url

    @property
    def rests_until(self) -> datetime | None:
        """While the circuit is open: until when nothing is sent there."""
        return self.open_until if self.open_until is not None and self.open_until > timezone.now() else None


class WebhookDelivery(models.Model):
    """Event × endpoint: the outbox. Retries live here (`next_attempt_at`), not in the broker.

    `item` is the event's, repeated because the order within an item is asked for at every claim.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    event = models.ForeignKey(Event, models.CASCADE, related_name="deliveries")
    endpoint = models.ForeignKey(WebhookEndpoint, models.CASCADE, related_name="deliveries")
    item = models.ForeignKey(ContentItem, models.CASCADE, null=True, blank=True, related_name="+", db_index=False)
    state = models.CharField(max_length=10, choices=choices(DeliveryState), default=DeliveryState.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    started_at = models.DateTimeField(default=timezone.now, help_text="when the schedule began, or began anew")
    next_attempt_at = models.DateTimeField()
    attempted_at = models.DateTimeField(null=True, blank=True)
    lease_token = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    last_status = models.PositiveSmallIntegerField(null=True, blank=True)
    last_error = models.CharField(max_length=300, blank=True)
    answer_excerpt = models.CharField(max_length=1000, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["event", "endpoint"], name="delivery_once")]
        indexes = [
            models.Index(fields=["next_attempt_at"], condition=OPEN_DELIVERY, name="open_deliveries"),
            models.Index(fields=["endpoint", "next_attempt_at"], condition=OPEN_DELIVERY, name="open_by_endpoint"),
            models.Index(fields=["endpoint", "item", "event"], condition=OPEN_DELIVERY, name="open_by_item"),
            models.Index(fields=["endpoint"], condition=models.Q(state=DeliveryState.SENDING), name="being_sent"),
            models.Index(fields=["endpoint", "-id"], name="deliveries_newest_first"),
        ]

    def __str__(self) -> str:
        return f"{self.event_id} → {self.endpoint_id}"

    @property
    def request_excerpt(self) -> str:
        """What was sent last, in short, without the signature and the address's query; empty before it was sent.

        The body is the event's as it is now: after an erasure nothing of it is left.
        """
        if self.attempted_at is None:
            return ""
        parts = urlsplit(self.endpoint.url)
        lines = [
            f"POST {parts.path or '/'}{'?…' if parts.query else ''}",
            f"host: {parts.netloc}",
            f"webhook-id: {self.event_id}",
            f"webhook-timestamp: {int(self.attempted_at.timestamp())}",
        ]
        body = self.event.body.decode()
        return "\n".join([*lines, "", body[:EXCERPT] + ("…" if len(body) > EXCERPT else "")])
