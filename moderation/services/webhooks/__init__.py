"""Webhooks: endpoints, the outbox of events and deliveries, and sending. Whoever emits knows nothing of the rest."""

from moderation.services.webhooks.endpoints import (
    TooManyEndpoints,
    add_endpoint,
    change_endpoint,
    disable_endpoint,
    enable_endpoint,
    remove_endpoint,
    rotate_secret,
)
from moderation.services.webhooks.log import CursorExpired, forget_events, read_on
from moderation.services.webhooks.outbox import PayloadTooLarge, emit, number_events, send_test
from moderation.services.webhooks.replays import ENDED, Disabled, TooMany, replay, replay_range
from moderation.services.webhooks.sending import deliver, late, sweep

__all__ = [
    "ENDED",
    "CursorExpired",
    "Disabled",
    "PayloadTooLarge",
    "TooMany",
    "TooManyEndpoints",
    "add_endpoint",
    "change_endpoint",
    "deliver",
    "disable_endpoint",
    "emit",
    "enable_endpoint",
    "forget_events",
    "late",
    "number_events",
    "read_on",
    "remove_endpoint",
    "replay",
    "replay_range",
    "rotate_secret",
    "send_test",
    "sweep",
]
