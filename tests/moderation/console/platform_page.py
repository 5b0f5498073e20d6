"""The platform's page as an admin, and a receiver that its endpoints may reach."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.test import Client

from moderation.models import Platform, WebhookDelivery, WebhookEndpoint
from moderation.services import webhooks
from moderation.vocabulary import EventType, Role
from tests.factories import ACTOR
from tests.moderation.receiver import Receiver, receiving

Desk = Callable[..., tuple[Client, User]]


@pytest.fixture
def admin(desk: Desk) -> Client:
    return desk(Role.ADMIN)[0]


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    with receiving() as receiver:
        settings.DEEPFAKE_GUARD = {**django_settings.DEEPFAKE_GUARD, "WEBHOOK_ALLOWED": [receiver.entry]}
        yield receiver


def at(platform: Platform, more: str = "") -> str:
    return f"/platforms/{platform.pk}/{more}"


def shown_secret(page: Any) -> str:
    found = re.search(r'id="secret" value="([^"]+)"', page.content.decode())
    return found.group(1) if found else ""


def endpoint_of(platform: Platform, receiver: Receiver) -> WebhookEndpoint:
    return webhooks.add_endpoint(platform, receiver.url, actor=ACTOR)[0]


def sent(endpoint: WebhookEndpoint, **about: Any) -> WebhookDelivery:
    event = webhooks.emit(endpoint.platform, EventType.ITEM_SCREENED, about.get("item"), {"item_id": "i"})
    delivery = event.deliveries.get(endpoint=endpoint)
    webhooks.deliver(delivery.pk)
    delivery.refresh_from_db()
    return delivery
