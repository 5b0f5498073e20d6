"""What a platform's policy may say: the rules document, read and written. Pure values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from moderation.vocabulary import DecisionValue, Effect, Outcome, Reason, SeveralFaces, Shown

REVIEW_AT = 0.01
LONGEST_HOURS = 24 * 90
ON_NOT_APPLICABLE: Mapping[str, Outcome] = {
    Reason.NO_FACE: Outcome.ALLOW,
    Reason.FACE_TOO_SMALL: Outcome.ALLOW,
    Reason.FACE_TOO_BLURRY: Outcome.ALLOW,
    Reason.VIDEO_NOT_ENABLED: Outcome.ALLOW,
    Reason.DECODE_ERROR: Outcome.REVIEW,
    Reason.TOO_MANY_PIXELS: Outcome.REVIEW,
    Reason.TOO_MANY_FRAMES: Outcome.REVIEW,
    Reason.ATTEMPTS_SPENT: Outcome.REVIEW,
}
NEVER_ALLOWED = frozenset(
    {Reason.DECODE_ERROR, Reason.TOO_MANY_PIXELS, Reason.TOO_MANY_FRAMES, Reason.ATTEMPTS_SPENT}
)  # otherwise a file that breaks the detector would be the way past it


@dataclass(frozen=True, slots=True)
class OnDecision:
    outcome: Outcome
    effect: Effect


ON_DECISION: Mapping[str, OnDecision] = {
    DecisionValue.SYNTHETIC: OnDecision(Outcome.BLOCK, Effect.REMOVE),
    DecisionValue.ALTERED: OnDecision(Outcome.ALLOW, Effect.LABEL),
    DecisionValue.GENUINE: OnDecision(Outcome.ALLOW, Effect.ALLOW),
    DecisionValue.CANNOT_TELL: OnDecision(Outcome.REVIEW, Effect.NONE),
}


@dataclass(frozen=True, slots=True)
class Checks:
    """How the desk checks itself, as shares: `sample` of the items that policy let pass, `second` of the decisions,
    `gold` known answers for each case. 0 is off.
    """

    sample: float = 0.0
    second: float = 0.0
    gold: float = 0.0


class InvalidRules(ValueError):
    """`errors`: one {"pointer": JSON pointer (RFC 6901), "message"} for each thing that is wrong."""

    def __init__(self, errors: list[dict[str, str]]) -> None:
        super().__init__("; ".join(f"{error['pointer'] or '/'}: {error['message']}" for error in errors))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Rules:
    """p *reaches* a line when p ≤ line. `block_at` is off (None) unless a platform sets it: people decide."""

    review_at: float = REVIEW_AT
    block_at: float | None = None
    several_faces: SeveralFaces = SeveralFaces.BONFERRONI
    on_not_applicable: Mapping[str, Outcome] = field(default_factory=lambda: dict(ON_NOT_APPLICABLE))
    on_decision: Mapping[str, OnDecision] = field(default_factory=lambda: dict(ON_DECISION))
    due_hours: float | None = None  # within which a person has decided; None: what the guard is set to
    opinions: int = 1  # equal ones that a decision needs; 2: each unseen by the other
    blind_first: float = 0.0  # share of cases in which a first opinion comes before the numbers: 0 off, 1 always
    checks: Checks = Checks()
    until_screened: Shown = Shown.VISIBLE  # what a site that has the guard installed does with a picture meanwhile
    until_reviewed: Shown = Shown.VISIBLE  # and with one that waits for a person

    @classmethod
    def from_document(cls, document: Any) -> Rules:
        """Read a JSON document; keys that are absent keep their defaults. Raises InvalidRules."""
        errors: list[dict[str, str]] = []
        if not isinstance(document, dict):
            raise InvalidRules([_error("", "must be an object")])
        known = {field.name for field in fields(cls)}
        errors += [_error(_pointer(key), "is no key of the rules") for key in sorted(set(map(str, document)) - known)]
        review_at = _line(document.get("review_at", REVIEW_AT), "/review_at", errors)
        block_at = document.get("block_at")
        if block_at is not None:
            block_at = _line(block_at, "/block_at", errors)
            if block_at > review_at:
                errors.append(_error("/block_at", "must not lie above review_at"))
        several = document.get("several_faces", SeveralFaces.BONFERRONI.value)
        if several not in list(SeveralFaces):
            errors.append(_error("/several_faces", "must be bonferroni or any_face"))
            several = SeveralFaces.BONFERRONI
        not_applicable = _not_applicable(document.get("on_not_applicable", {}), errors)
        decision = _decision(document.get("on_decision", {}), errors)
        blind_first = _share(document.get("blind_first", 0.0), "/blind_first", errors)
        checks = _checks(document.get("checks", {}), errors)
        due_hours = _hours(document.get("due_hours"), "/due_hours", errors)
        opinions = document.get("opinions", 1)
        if isinstance(opinions, bool) or opinions not in (1, 2):
            errors.append(_error("/opinions", "must be 1 or 2"))
            opinions = 1
        until_screened = _shown(document, "until_screened", errors)
        until_reviewed = _shown(document, "until_reviewed", errors)
        if errors:
            raise InvalidRules(errors)
        return cls(
            review_at,
            block_at,
            SeveralFaces(several),
            not_applicable,
            decision,
            due_hours=due_hours,
            opinions=opinions,
            blind_first=blind_first,
            checks=checks,
            until_screened=until_screened,
            until_reviewed=until_reviewed,
        )

    def to_document(self) -> dict[str, Any]:
        return {
            "review_at": self.review_at,
            "block_at": self.block_at,
            "several_faces": self.several_faces.value,
            "on_not_applicable": {str(reason): outcome.value for reason, outcome in self.on_not_applicable.items()},
            "on_decision": {
                str(value): {"outcome": rule.outcome.value, "effect": rule.effect.value}
                for value, rule in self.on_decision.items()
            },
            "due_hours": self.due_hours,
            "opinions": self.opinions,
            "blind_first": self.blind_first,
            "checks": {"sample": self.checks.sample, "second": self.checks.second, "gold": self.checks.gold},
            "until_screened": self.until_screened.value,
            "until_reviewed": self.until_reviewed.value,
        }


DEFAULT_RULES = Rules()


def _error(pointer: str, message: str) -> dict[str, str]:
    return {"pointer": pointer, "message": message}


def _pointer(*keys: str) -> str:
    """RFC 6901, section 3: ~ and / inside a key are written ~0 and ~1."""
    return "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in keys)


def _line(value: Any, pointer: str, errors: list[dict[str, str]]) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
        errors.append(_error(pointer, "must be a number above 0 and at most 1"))
        return 1.0
    return float(value)


def _share(value: Any, pointer: str, errors: list[dict[str, str]]) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        errors.append(_error(pointer, "must be a number from 0 (off) to 1 (always)"))
        return 0.0
    return float(value)


def _hours(value: Any, pointer: str, errors: list[dict[str, str]]) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= LONGEST_HOURS:
        errors.append(_error(pointer, f"must be hours, above 0 and at most {LONGEST_HOURS}"))
        return None
    return float(value)


def _shown(document: Mapping[str, Any], key: str, errors: list[dict[str, str]]) -> Shown:
    try:
        return Shown(document.get(key, Shown.VISIBLE))
    except ValueError:
        errors.append(_error(f"/{key}", "must be visible or hidden"))
        return Shown.VISIBLE


def _not_applicable(given: Any, errors: list[dict[str, str]]) -> dict[str, Outcome]:
    if not isinstance(given, dict):
        errors.append(_error("/on_not_applicable", "must be an object"))
        return {}
    rules = dict(ON_NOT_APPLICABLE)
    for reason, outcome in given.items():
        pointer = _pointer("on_not_applicable", reason)
        if reason not in ON_NOT_APPLICABLE:
            errors.append(_error(pointer, f"must be one of {', '.join(ON_NOT_APPLICABLE)}"))
        elif outcome not in [Outcome.ALLOW.value, Outcome.REVIEW.value]:
            errors.append(_error(pointer, "must be allow or review"))
        elif outcome == Outcome.ALLOW and reason in NEVER_ALLOWED:
            errors.append(_error(pointer, "must be review: a broken file must not be the way past the screen"))
        else:
            rules[reason] = Outcome(outcome)
    return rules


def _decision(given: Any, errors: list[dict[str, str]]) -> dict[str, OnDecision]:
    if not isinstance(given, dict):
        errors.append(_error("/on_decision", "must be an object"))
        return {}
    rules = dict(ON_DECISION)
    for value, rule in given.items():
        pointer = _pointer("on_decision", value)
        if value not in ON_DECISION:
            errors.append(_error(pointer, f"must be one of {', '.join(ON_DECISION)}"))
        elif not isinstance(rule, dict) or set(rule) - {"outcome", "effect"}:
            errors.append(_error(pointer, "must be an object with outcome and effect"))
        else:
            rules[value] = _on_decision(rule, ON_DECISION[value], pointer, errors)
    return rules


def _on_decision(
    rule: Mapping[str, Any], default: OnDecision, pointer: str, errors: list[dict[str, str]]
) -> OnDecision:
    try:
        return OnDecision(Outcome(rule.get("outcome", default.outcome)), Effect(rule.get("effect", default.effect)))
    except ValueError as error:
        errors.append(_error(pointer, str(error)))
        return default


def _checks(given: Any, errors: list[dict[str, str]]) -> Checks:
    if not isinstance(given, dict):
        errors.append(_error("/checks", "must be an object"))
        return Checks()
    known = [each.name for each in fields(Checks)]
    wrong = sorted(set(map(str, given)) - set(known))
    errors += [_error(_pointer("checks", name), f"must be one of {', '.join(known)}") for name in wrong]
    return Checks(*(_share(given.get(name, 0.0), _pointer("checks", name), errors) for name in known))
