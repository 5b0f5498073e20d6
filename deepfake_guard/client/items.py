"""Calls about items."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from deepfake_guard.client.answers import Item, Status
from deepfake_guard.client.calls import Call, File, Page, given, once, path

Priority = Literal["interactive", "normal", "backfill"]


def submit(
    file: File,
    *,
    external_id: str,
    author_ref: str | None = None,
    priority: Priority = "normal",
    context: Mapping[str, Any] | None = None,
) -> Call[Item]:
    """One picture or video, by its path or its bytes."""
    told = json.dumps(context) if context is not None else None
    form = given(external_id=external_id, author_ref=author_ref, priority=priority, context=told)
    return Call("POST", path("items"), headers=once(), form=form, file=file)


def read(item_id: str) -> Call[Item]:
    """Everything known of it."""
    return Call("GET", path("items", item_id))


def find(*, status: Status | None = None, external_id: str | None = None, limit: int | None = None) -> Call[Page[Item]]:
    """Newest first; `limit` is of a page."""
    return Call("GET", path("items"), params=given(status=status, external_id=external_id, limit=limit))


def erase(item_id: str) -> Call[None]:
    """Content and pictures go, a tombstone stays; a second time it is a Problem `erased`."""
    return Call("DELETE", path("items", item_id))
