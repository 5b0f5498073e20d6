"""What the guard answers, as types of plain JSON objects: docs/api.md explains each field.

A newer guard may say more; a test holds these to the schema of the guard beside them.
"""

from __future__ import annotations

from typing import Literal, TypedDict

Status = Literal["queued", "running", "done", "not_applicable", "quarantined", "failed"]
TERMINAL: frozenset[Status] = frozenset(("done", "not_applicable", "quarantined", "failed"))
Outcome = Literal["allow", "review", "block"]
Basis = Literal["policy", "decision"]
Statement = Literal["likely_synthetic", "uncertain", "no_evidence"]
Effect = Literal["none", "allow", "label", "restrict", "remove"]
DecisionValue = Literal["synthetic", "altered", "genuine", "cannot_tell"]


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


class Review(TypedDict):
    state: Literal["open", "closed"]
    decision: DecisionValue | None
    reasons: list[str]
    decided_at: str | None


class Item(TypedDict):
    id: str
    external_id: str
    revision: int
    status: Status
    reasons: list[str]
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
