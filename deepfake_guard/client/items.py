"""Calls about items."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NotRequired, TypedDict

from deepfake_guard.client.answers import (
    Appealed,
    BatchResults,
    Item,
    ItemEvent,
    Known,
    KnownBy,
    Label,
    Outcome,
    Priority,
    Reported,
    ReportReason,
    Status,
)
from deepfake_guard.client.calls import Call, File, Page, given, once, path


def submit(
    file: File,
    *,
    external_id: str,
    author_ref: str | None = None,
    priority: Priority | None = None,
    policy: int | None = None,
    context: Mapping[str, Any] | None = None,
    wait: int | None = None,
) -> Call[Item]:
    """One picture or video, by its path or its bytes. `wait`: seconds that the answer may be held for the result."""
    told = json.dumps(context) if context is not None else None
    form = given(external_id=external_id, author_ref=author_ref, priority=priority, policy=policy, context=told)
    prefer = {"Prefer": f"wait={wait}"} if wait else {}
    return Call("POST", path("items"), headers={**once(), **prefer}, form=form, files={"file": file})


def submit_url(
    url: str,
    *,
    external_id: str,
    author_ref: str | None = None,
    priority: Priority | None = None,
    policy: int | None = None,
    context: Mapping[str, Any] | None = None,
    wait: int | None = None,
) -> Call[Item]:
    """The address of one, where the server allows it: a worker fetches it."""
    told = dict(context) if context is not None else None
    body = given(
        url=url, external_id=external_id, author_ref=author_ref, priority=priority, policy=policy, context=told
    )
    prefer = {"Prefer": f"wait={wait}"} if wait else {}
    return Call("POST", path("items"), headers={**once(), **prefer}, json=body)


class Entry(TypedDict):
    """Of a batch: a `file` or a `url`."""

    external_id: str
    file: NotRequired[File]
    url: NotRequired[str]
    author_ref: NotRequired[str]
    priority: NotRequired[Priority]
    policy: NotRequired[int]
    context: NotRequired[Mapping[str, Any]]


def batch(entries: Sequence[Entry]) -> Call[BatchResults]:
    """Up to a hundred, each taken in or refused by itself; together as large as one upload may be."""
    files = {f"file{place}": entry["file"] for place, entry in enumerate(entries) if "file" in entry}
    told = [
        {**entry, "file": f"file{place}"} if "file" in entry else dict(entry) for place, entry in enumerate(entries)
    ]
    body: dict[str, Any] = {"form": {"items": json.dumps(told)}} if files else {"json": {"items": told}}
    return Call("POST", path("items", "batch"), headers=once(), files=files, **body)


def read(item_id: str) -> Call[Item]:
    """Everything known of it."""
    return Call("GET", path("items", item_id))


def find(
    *,
    status: Status | None = None,
    outcome: Outcome | None = None,
    external_id: str | None = None,
    author_ref: str | None = None,
    sha256: str | None = None,
    priority: Priority | None = None,
    created_after: datetime | None = None,
    created_before: datetime | None = None,
    limit: int | None = None,
) -> Call[Page[Item]]:
    """Newest first; `limit` is of a page."""
    filters = given(
        status=status,
        outcome=outcome,
        external_id=external_id,
        author_ref=author_ref,
        sha256=sha256,
        priority=priority,
        created_after=created_after,
        created_before=created_before,
        limit=limit,
    )
    return Call("GET", path("items"), params=filters)


def erase(item_id: str) -> Call[None]:
    """Content and pictures go, a tombstone stays; a second time it is a Problem `erased`."""
    return Call("DELETE", path("items", item_id))


def events(item_id: str) -> Call[Page[ItemEvent]]:
    """What happened to it, oldest first."""
    return Call("GET", path("items", item_id, "events"))


def rescan(item_id: str) -> Call[Item]:
    """Once more, by the detector in use now."""
    return Call("POST", path("items", item_id, "rescan"), headers=once())


def report(item_id: str, *, reporter_ref: str, reason: ReportReason, text: str = "") -> Call[Reported]:
    """What a user says of it; a user's second report is the first one."""
    return Call(
        "POST", path("items", item_id, "reports"), json=given(reporter_ref=reporter_ref, reason=reason, text=text)
    )


def appeal(item_id: str, *, text: str = "") -> Call[Appealed]:
    """Its author's word against what was decided."""
    return Call("POST", path("items", item_id, "appeals"), headers=once(), json={"text": text})


def label(item_id: str, label: Known, *, basis: KnownBy | None = None) -> Call[Label]:
    """What you know of it yourself; it changes no verdict."""
    return Call("POST", path("items", item_id, "feedback"), json=given(label=label, basis=basis))


def labels(item_id: str) -> Call[list[Label]]:
    """All that were given, newest first."""
    return Call("GET", path("items", item_id, "feedback"))
