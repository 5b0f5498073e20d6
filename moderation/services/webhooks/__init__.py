"""Webhooks: endpoints, the outbox of events and deliveries, and sending. Whoever emits knows nothing of the rest."""

from moderation.services.webhooks.endpoints import (
    OPEN,
    add_endpoint,
    disable_endpoint,
    enable_endpoint,
    remove_endpoint,
    rotate_secret,
)
from moderation.services.webhooks.outbox import emit, number_events, replay, send_test
from moderation.services.webhooks.sending import deliver, sweep

__all__ = [
    "OPEN",
    "add_endpoint",
    "deliver",
    "disable_endpoint",
    "emit",
    "enable_endpoint",
    "number_events",
    "remove_endpoint",
    "replay",
    "rotate_secret",
    "send_test",
    "sweep",
]
