"""What calls about the platform itself answer: docs/api.md explains each field."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from deepfake_guard.client.answers import EventType, ItemEvent

Scope = Literal[
    "items:write", "items:read", "items:erase", "cases:read", "cases:decide", "policies:write", "platform:admin"
]


DeliveryState = Literal["pending", "sending", "delivered", "failed"]


class CalibrationSet(TypedDict):
    name: str
    role: str
    n: int
    licence: str


class Head(TypedDict):
    """A part that was trained with fakes."""

    generators: list[str]
    families: list[str]
    n: int
    licences: list[str]


class Bucket(TypedDict):
    """`n` genuine calibration faces: no p-value lies below 1 / (n + 1)."""

    n: int
    edges: list[float]
    counts: list[int]


class Worker(TypedDict):
    device: str
    face_finder: str | None
    warmed_at: str | None
    seen_at: str
    progressed_at: str | None


class Detector(TypedDict):
    detector: str
    calibration: str
    starter: bool
    note: str
    buckets: dict[str, Bucket]
    sets: list[CalibrationSet]
    heads: dict[str, Head]
    workers: list[Worker]


class Quota(TypedDict):
    """null: any number."""

    items_per_day: int | None
    items_today: int
    left: int | None
    resets_in: int


class Storage(TypedDict):
    """Bytes; null: no ceiling."""

    bytes_stored: int
    ceiling: int | None
    left: int | None


class DayUsage(TypedDict):
    """`items` by status."""

    day: str
    items: dict[str, int]
    requests_limited: int


class Usage(TypedDict):
    quota: Quota
    storage: Storage
    calls_per_minute: int | None
    days: list[DayUsage]


class EventPage(TypedDict):
    """`more`: read on at once from `cursor`."""

    events: list[ItemEvent]
    cursor: str
    more: bool


class Key(TypedDict):
    """`prefix` begins the secret, which is kept nowhere."""

    id: str
    name: str
    prefix: str
    scopes: list[Scope]
    allowed_networks: list[str]
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    last_used_at: str | None
    old_secret_until: str | None


class NewKey(Key):
    secret: str


class Endpoint(TypedDict):
    id: str
    url: str
    description: str
    active: bool
    disabled_reason: str
    failures: int
    open_until: str | None
    created_at: str
    old_secret_until: str | None


class NewEndpoint(Endpoint):
    secret: str


class TestSent(TypedDict):
    event_id: str


class Delivery(TypedDict):
    """`event_id` is the message's `webhook-id`; `next_attempt_at` is null when it has ended."""

    id: str
    endpoint_id: str
    event_id: str
    type: EventType
    item_id: str | None
    state: DeliveryState
    attempts: int
    started_at: str
    next_attempt_at: str | None
    attempted_at: str | None
    delivered_at: str | None
    last_status: int | None
    last_error: str
    request_excerpt: str
    answer_excerpt: str


class Replayed(TypedDict):
    replayed: int


class Policy(TypedDict):
    version: int
    active: bool
    rules: dict[str, Any]
    note: str
    created_at: str


class Estimate(TypedDict):
    """With its 95 % interval; all null where n is too small to say anything."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    count: int | None


class Day(TypedDict):
    day: str
    opened: int
    decided: int


class Queue(TypedDict):
    open: int
    late: int
    oldest_hours: float | None


class ImportedFigures(TypedDict):
    by_basis: dict[str, int]
    decisions: dict[str, Estimate]


class Statistics(TypedDict):
    """docs/api.md names the figures."""

    since: str
    until: str
    figures: dict[str, Estimate]
    queue: Queue
    days: list[Day]
    outcomes: dict[str, Estimate]
    statements: dict[str, Estimate]
    flagged_of_labelled: dict[str, Estimate]
    imported: ImportedFigures
