"""The rules document of a policy as values: read key by key, each with its default, and written again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import Enum
from typing import Any

from moderation.rules import outcomes, reasons
from moderation.rules.mistakes import Errors, InvalidRules, error, number, one_of, or_none, pointer
from moderation.rules.outcomes import ON_DECISION, ON_NOT_APPLICABLE, OnDecision
from moderation.rules.reasons import DEFAULT_REASONS, ListedReason
from moderation.vocabulary import Outcome, SeveralFaces, Shown

REVIEW_AT = 0.01
LONGEST_HOURS = 24 * 90


@dataclass(frozen=True, slots=True)
class Checks:
    """How the desk checks itself, as shares: `sample` of the items that policy let pass, `second` of the decisions,
    `gold` known answers for each case. 0 is off.
    """

    sample: float = 0.0
    second: float = 0.0
    gold: float = 0.0


@dataclass(frozen=True, slots=True)
class Rules:
    """p *reaches* a line when p ≤ line. `block_at` is off (None) unless a platform sets it: people decide."""

    review_at: float = REVIEW_AT
    block_at: float | None = None
    several_faces: SeveralFaces = SeveralFaces.BONFERRONI
    on_not_applicable: Mapping[str, Outcome] = field(default_factory=lambda: dict(ON_NOT_APPLICABLE))
    on_decision: Mapping[str, OnDecision] = field(default_factory=lambda: dict(ON_DECISION))
    reasons: tuple[ListedReason, ...] = DEFAULT_REASONS  # what a decision may give as its reasons
    due_hours: float | None = None  # within which a person has decided; None: what the guard is set to
    opinions: int = 1  # equal ones that a decision needs; 2: each unseen by the other
    blind_first: float = 0.0  # share of cases in which a first opinion comes before the numbers: 0 off, 1 always
    checks: Checks = Checks()
    until_screened: Shown = Shown.VISIBLE  # what a site that has the guard installed does with a picture meanwhile
    until_reviewed: Shown = Shown.VISIBLE  # and with one that waits for a person

    @classmethod
    def from_document(cls, document: Any) -> Rules:
        """Read a JSON document; keys that are absent keep their defaults. Raises InvalidRules."""
        if not isinstance(document, dict):
            raise InvalidRules([error("", "must be an object")])
        errors = [error(pointer(key), "is no key of the rules") for key in sorted(map(str, set(document) - set(READ)))]
        given = {key: read(document[key], f"/{key}", errors) for key, read in READ.items() if key in document}
        block_at = given.get("block_at")
        if block_at is not None and block_at > given.get("review_at", REVIEW_AT):
            errors.append(error("/block_at", "must not lie above review_at"))
        if errors:
            raise InvalidRules(errors)
        return cls(**given)

    def to_document(self) -> dict[str, Any]:
        return {each.name: _plain(getattr(self, each.name)) for each in fields(self)}


def _opinions(value: Any, place: str, errors: Errors) -> int:
    if isinstance(value, bool) or value not in (1, 2):
        errors.append(error(place, "must be 1 or 2"))
        return 1
    return int(value)


def _checks(given: Any, place: str, errors: Errors) -> Checks:
    if not isinstance(given, dict):
        errors.append(error(place, "must be an object"))
        return Checks()
    known = [each.name for each in fields(Checks)]
    wrong = sorted(set(map(str, given)) - set(known))
    errors += [error(place + pointer(name), "must be one of %(choices)s", choices=", ".join(known)) for name in wrong]
    return Checks(**{name: _share(given[name], f"{place}/{name}", errors) for name in known if name in given})


_line = number(0, 1, "must be a number above 0 and at most 1", above=True)
_share = number(0, 1, "must be a number from 0 (off) to 1 (always)")
_hours = number(0, LONGEST_HOURS, "must be hours, above 0 and at most %(most)s", above=True)
READ: Mapping[str, Callable[[Any, str, Errors], Any]] = {
    "review_at": _line,
    "block_at": or_none(_line),
    "several_faces": one_of(SeveralFaces),
    "on_not_applicable": outcomes.not_applicable,
    "on_decision": outcomes.on_decision,
    "reasons": reasons.listed,
    "due_hours": or_none(_hours),
    "opinions": _opinions,
    "blind_first": _share,
    "checks": _checks,
    "until_screened": one_of(Shown),
    "until_reviewed": one_of(Shown),
}


def _plain(value: Any) -> Any:
    """As JSON says it."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return _plain(asdict(value)) if hasattr(value, "__dataclass_fields__") else value


DEFAULT_RULES = Rules()
