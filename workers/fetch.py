"""Fetching what items name by address: one a message; the row says when it is due."""

from __future__ import annotations

import uuid

from moderation.dispatch import FETCH_TASK, app
from moderation.services import fetching


@app.task(name=FETCH_TASK)
def fetch(fetch_id: str) -> None:
    fetching.fetch(uuid.UUID(fetch_id))
