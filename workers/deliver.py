"""Sending webhooks: one delivery a message; the row says when it is due."""

from __future__ import annotations

import uuid

from moderation.dispatch import DELIVER_TASK, app
from moderation.services import webhooks


@app.task(name=DELIVER_TASK)
def deliver(delivery_id: str) -> None:
    webhooks.deliver(uuid.UUID(delivery_id))
