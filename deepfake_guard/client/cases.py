"""Calls about cases, for platforms with a desk of their own, and what these answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NotRequired, TypedDict

from deepfake_guard.client.answers import DecisionValue, Effect, Face, KnownBy, ReportReason, StatedReason, Statement
from deepfake_guard.client.calls import Call, Page, given, once, path
from deepfake_guard.client.errors import FieldError

CaseState = Literal["open", "settling", "locked", "closed"]
Purpose = Literal["review", "gold", "sample", "second"]
Queue = Literal["due", "late", "free", "escalated", "reported"]


class CaseAppeal(TypedDict):
    id: str
    text: str
    opened_at: str
    outcome: Literal["upheld", "overturned"] | None


class Settled(TypedDict):
    id: str
    decision: DecisionValue
    reasons: list[str]
    stated_reasons: list[StatedReason]
    effect: Effect
    settled_at: str | None


class Decision(Settled):
    """Pending until `settle_at`."""

    state: Literal["pending", "settled", "undone", "void"]
    created_at: str
    settle_at: str


class CaseReport(TypedDict):
    reason: ReportReason
    text: str
    created_at: str


class Case(TypedDict):
    """While `blind`, what was found is kept back until a first opinion."""

    id: str
    number: int
    item_id: str
    external_id: str
    revision: int
    state: CaseState
    purpose: Purpose | None
    escalated: bool
    held_until: str | None
    blind: bool
    reasons: list[str]
    statement: Statement | None
    p_value: float | None
    n: int | None
    policy_version: int | None
    reports: int
    appeal: CaseAppeal | None
    decisions: list[Settled]
    opened_at: str
    due_at: str
    closed_at: str | None


class WholeCase(Case):
    faces: list[Face]
    user_reports: list[CaseReport]
    context: dict[str, Any]


class Lease(TypedDict):
    """`lease_token` alone lets an opinion or a decision through."""

    lease_token: str
    lease_until: str
    case: WholeCase


class Past(TypedDict):
    """A decision from before; `reasons` in your own words, `decided_at` as ISO 8601."""

    external_id: str
    decision: DecisionValue
    reasons: NotRequired[list[str]]
    decided_at: str
    basis: KnownBy


class Brought(TypedDict):
    result: Literal["created", "known", "conflict", "refused"]
    errors: list[FieldError]


class Imported(TypedDict):
    """`results`: one for each row, in its order."""

    created: int
    known: int
    conflict: int
    refused: int
    results: list[Brought]


def find(
    *,
    state: CaseState | None = None,
    queue: Queue | None = None,
    policy: int | None = None,
    purpose: Purpose | None = None,
    limit: int | None = None,
) -> Call[Page[Case]]:
    """The most urgent first; open ones unless said."""
    filters = given(state=state, queue=queue, policy=policy, purpose=purpose, limit=limit)
    return Call("GET", path("cases"), params=filters)


def read(case_id: str) -> Call[WholeCase]:
    return Call("GET", path("cases", case_id))


def claim(
    case_id: str, *, moderator_ref: str, senior: bool | None = None, lease_token: str | None = None
) -> Call[Lease]:
    """Hold it for one person of yours; with `lease_token`, hold on to it."""
    body = given(moderator_ref=moderator_ref, senior=senior, lease_token=lease_token)
    return Call("POST", path("cases", case_id, "claim"), json=body)


def release(case_id: str, *, lease_token: str) -> Call[None]:
    """Give it back to the queue."""
    return Call("POST", path("cases", case_id, "release"), json={"lease_token": lease_token})


def escalate(case_id: str, *, lease_token: str) -> Call[None]:
    """Hand it to a senior."""
    return Call("POST", path("cases", case_id, "escalate"), json={"lease_token": lease_token})


def opine(case_id: str, *, lease_token: str, opinion: DecisionValue) -> Call[WholeCase]:
    """A first opinion where the case is blind; the answer tells what was found."""
    return Call("POST", path("cases", case_id, "opinions"), json=given(lease_token=lease_token, opinion=opinion))


def decide(
    case_id: str,
    *,
    lease_token: str,
    decision: DecisionValue,
    reasons: Sequence[str] = (),
    note: str = "",
    effect: Effect | None = None,
) -> Call[Decision]:
    """As the person who holds it; `synthetic` and `altered` need a reason, of those that the policy lists."""
    body = given(lease_token=lease_token, decision=decision, reasons=list(reasons), note=note, effect=effect)
    return Call("POST", path("cases", case_id, "decisions"), headers=once(), json=body)


def undo(case_id: str, decision_id: str) -> Call[Lease]:
    """Take a pending decision back; its person holds the case again."""
    return Call("DELETE", path("cases", case_id, "decisions", decision_id))


def bring_history(decisions: Sequence[Past]) -> Call[Imported]:
    """Up to 1,000 decisions of your own from before, kept apart from those made here."""
    return Call("POST", path("decisions", "import"), json={"decisions": list(decisions)})
