"""What the guard answers, as types of plain JSON objects: docs/api.md explains each field.

A newer guard may say more; a test holds these to the schema of the guard beside them.
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict

Status = Literal["queued", "running", "done", "not_applicable", "quarantined", "failed"]
TERMINAL: frozenset[Status] = frozenset(("done", "not_applicable", "quarantined", "failed"))
Outcome = Literal["allow", "review", "block"]
Basis = Literal["policy", "decision"]
Statement = Literal["likely_synthetic", "uncertain", "no_evidence"]
Effect = Literal["none", "allow", "label", "restrict", "remove"]
DecisionValue = Literal["synthetic", "altered", "genuine", "cannot_tell"]
Priority = Literal["interactive", "normal", "backfill"]
ReportReason = Literal["minor", "intimate", "impersonation", "fraud", "misleading", "other"]
Known = Literal["synthetic", "altered", "genuine"]
KnownBy = Literal["person", "author", "program", "unknown"]
EventType = Literal[
    "item.screened",
    "item.not_applicable",
    "item.failed",
    "item.quarantined",
    "case.opened",
    "case.locked",
    "decision.made",
    "decision.reversed",
    "appeal.opened",
    "appeal.decided",
    "endpoint.test",
]


class Box(TypedDict):
    """Shares (0–1) of the upright picture."""

    x: float
    y: float
    width: float
    height: float


class Signal(TypedDict):
    """For reading; only the fused score decides."""

    score: float
    p_value: float


class Face(TypedDict):
    """`score` is an anomaly, not a probability; `p_value` is not the chance of a deepfake."""

    index: int
    box: Box
    points: list[list[float]]
    native_px: int
    reason: str | None
    score: float | None
    p_value: float | None
    n: int | None
    reached: int | None
    bucket: str
    signals: dict[str, Signal]


class Verdict(TypedDict):
    outcome: Outcome
    basis: Basis
    statement: Statement | None
    effect: Effect
    reasons: list[str]
    p_value: float | None
    n: int | None
    faces_scored: int
    policy_version: int
    created_at: str


class StatedReason(TypedDict):
    """Of a decision, in the words of the policy that it was made under."""

    code: str
    text: str
    dsa_category: str | None
    dsa_keyword: str | None


class Review(TypedDict):
    state: Literal["open", "closed"]
    decision: DecisionValue | None
    reasons: list[str]
    stated_reasons: list[StatedReason]
    decided_at: str | None
    reversed: bool


class Item(TypedDict):
    id: str
    external_id: str
    revision: int
    status: Status
    reasons: list[str]
    priority: Priority
    policy: int | None
    context: dict[str, Any]
    media_type: str | None
    sha256: str | None
    created_at: str
    finished_at: str | None
    p_value: float | None
    n: int | None
    verdict: Verdict | None
    faces: list[Face]
    review: Review | None
    detector: str | None
    calibration: str | None
    timings: dict[str, float]
    blind: bool


class ItemEvent(TypedDict):
    """What webhooks carry; `number` is null for the moments until it has one."""

    id: str
    number: int | None
    type: EventType
    timestamp: str
    data: dict[str, Any]


class Reported(TypedDict):
    id: str
    item_id: str
    reason: ReportReason
    created_at: str


class Appealed(TypedDict):
    id: str
    item_id: str
    case_id: str
    opened_at: str


class Label(TypedDict):
    id: str
    item_id: str
    label: Known
    basis: KnownBy
    created_at: str


class BatchResult(TypedDict):
    """Of one entry: either an item or the problem for which it was refused."""

    index: int
    external_id: str | None
    item_id: str | None
    revision: int | None
    status: Status | None
    location: str | None
    problem: dict[str, Any] | None


class BatchResults(TypedDict):
    results: list[BatchResult]
