"""Endpoints and deliveries for the tests of webhooks."""

from __future__ import annotations

from typing import Any

from django.conf import settings as django_settings
from django.utils import timezone

from moderation.models import ContentItem, WebhookDelivery, WebhookEndpoint
from moderation.services import webhooks
from moderation.vocabulary import DeliveryState, EventType
from tests import factories
from tests.moderation.receiver import Receiver


def configure(settings: Any, **given: Any) -> None:
    settings.DEEPFAKE_GUARD = {**django_settings.DEEPFAKE_GUARD, **given}


def add(receiver: Receiver) -> tuple[WebhookEndpoint, str]:
    return webhooks.add_endpoint(factories.make_platform(), receiver.url, actor="system")


def emitted(endpoint: WebhookEndpoint, item: ContentItem | None = None, **body: Any) -> WebhookDelivery:
    told = body or {"item_id": "i", "p_value": 0.25}
    return webhooks.emit(endpoint.platform, EventType.ITEM_SCREENED, item, told).deliveries.get(endpoint=endpoint)


def due_now(delivery: WebhookDelivery) -> None:
    """Its wait is over, and the pause of its endpoint too."""
    WebhookDelivery.objects.filter(pk=delivery.pk).update(next_attempt_at=timezone.now())
    WebhookEndpoint.objects.filter(pk=delivery.endpoint_id).update(open_until=None)


def deliver(delivery: WebhookDelivery) -> DeliveryState | None:
    state = webhooks.deliver(delivery.pk)
    delivery.refresh_from_db()
    return state
