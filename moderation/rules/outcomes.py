"""What follows where nothing was scored, and what follows from a person's conclusion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from moderation.rules.mistakes import Errors, error, pointer
from moderation.vocabulary import DecisionValue, Effect, Outcome, Reason

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


def not_applicable(given: Any, place: str, errors: Errors) -> dict[str, Outcome]:
    if not isinstance(given, dict):
        errors.append(error(place, "must be an object"))
        return {}
    rules = dict(ON_NOT_APPLICABLE)
    for reason, outcome in given.items():
        where = place + pointer(reason)
        if reason not in ON_NOT_APPLICABLE:
            errors.append(error(where, "must be one of %(choices)s", choices=", ".join(ON_NOT_APPLICABLE)))
        elif outcome not in [Outcome.ALLOW.value, Outcome.REVIEW.value]:
            errors.append(error(where, "must be allow or review"))
        elif outcome == Outcome.ALLOW and reason in NEVER_ALLOWED:
            errors.append(error(where, "must be review: a broken file must not be the way past the screen"))
        else:
            rules[reason] = Outcome(outcome)
    return rules


def on_decision(given: Any, place: str, errors: Errors) -> dict[str, OnDecision]:
    if not isinstance(given, dict):
        errors.append(error(place, "must be an object"))
        return {}
    rules = dict(ON_DECISION)
    for value, rule in given.items():
        where = place + pointer(value)
        if value not in ON_DECISION:
            errors.append(error(where, "must be one of %(choices)s", choices=", ".join(ON_DECISION)))
        elif not isinstance(rule, dict) or set(rule) - {"outcome", "effect"}:
            errors.append(error(where, "must be an object with outcome and effect"))
        else:
            rules[value] = _one(rule, ON_DECISION[value], where, errors)
    return rules


def _one(rule: Mapping[str, Any], default: OnDecision, place: str, errors: Errors) -> OnDecision:
    try:
        return OnDecision(Outcome(rule.get("outcome", default.outcome)), Effect(rule.get("effect", default.effect)))
    except ValueError:
        known = {"outcomes": ", ".join(Outcome), "effects": ", ".join(Effect)}
        errors.append(error(place, "outcome must be one of %(outcomes)s, effect one of %(effects)s", **known))
        return default
