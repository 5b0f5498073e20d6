"""A draft of a policy: the form's fields or the JSON text, read into a document and told what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext

from moderation.console import policy_reasons
from moderation.console.policy_reasons import Row
from moderation.rules import NEVER_ALLOWED, ON_DECISION, ON_NOT_APPLICABLE, InvalidRules, Rules
from moderation.services import platforms

FORM, JSON = "form", "json"
NUMBERS = ("review_at", "block_at", "due_hours")
CHOSEN = ("several_faces", "until_screened", "until_reviewed")
SHARES = ("blind_first", "checks.sample", "checks.second", "checks.gold")
CHOSEN_REASONS = tuple(str(reason) for reason in ON_NOT_APPLICABLE if reason not in NEVER_ALLOWED)
LONGEST = 20_000  # characters of JSON


@dataclass(frozen=True, slots=True)
class Draft:
    """`document` is what would be published; `errors` by JSON pointer; `text` the JSON as it was typed."""

    mode: str
    document: dict[str, Any]
    errors: dict[str, str]
    text: str
    note: str = ""
    typed: tuple[Row, ...] | None = None  # the rows of the reasons as they stood in the form, blank ones among them

    @property
    def rows(self) -> list[Row]:
        return policy_reasons.shown(self.document.get("reasons", []) if self.typed is None else self.typed)

    @property
    def placed(self) -> dict[str, str]:
        """`errors`, those of the reasons by their row in the form."""
        return policy_reasons.placed(self.errors, self.rows)

    @property
    def rules(self) -> Rules | None:
        return None if self.errors else Rules.from_document(self.document)

    @property
    def elsewhere(self) -> list[tuple[str, str]]:
        """What is wrong with something that the form does not show."""
        if self.mode == JSON:
            return list(self.errors.items())
        return [(pointer, told) for pointer, told in self.errors.items() if not _is_shown(pointer)]

    def at(self, *keys: str) -> Any:
        value: Any = self.document
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return value


POINTERS = {
    *(f"/{key}" for key in (*NUMBERS, *CHOSEN, "opinions", "reasons")),
    *(f"/{share.replace('.', '/')}" for share in SHARES),
    *(f"/on_not_applicable/{reason}" for reason in CHOSEN_REASONS),
    *(f"/on_decision/{value}" for value in ON_DECISION),
}


def _is_shown(pointer: str) -> bool:
    return pointer in POINTERS or pointer.startswith("/reasons/")


def of_rules(document: Mapping[str, Any], note: str = "") -> Draft:
    """A draft that starts from a published version."""
    complete = Rules.from_document(document).to_document()
    return Draft(FORM, complete, _errors(complete), as_text(complete), note)


def read(posted: QueryDict, base: Mapping[str, Any]) -> Draft:
    """What was filled in, over the version it started from: keys that the form does not show stay as they are."""
    note = posted.get("note", "").replace("\0", "").strip()[:200]
    if posted.get("mode") == JSON:
        return _read_json(posted.get("json", "").replace("\0", "")[:LONGEST], note)
    document = Rules.from_document(base).to_document()
    for key in NUMBERS:
        document[key] = _number(posted.get(key, ""))
    for key in CHOSEN:
        document[key] = posted.get(key, "")
    opinions = posted.get("opinions", "")
    document["opinions"] = int(opinions) if opinions in ("1", "2") else opinions
    for reason in CHOSEN_REASONS:
        document["on_not_applicable"][reason] = posted.get(f"on_not_applicable.{reason}", "")
    for value in map(str, ON_DECISION):
        document["on_decision"][value] = {
            part: posted.get(f"on_decision.{value}.{part}", "") for part in ("outcome", "effect")
        }
    for share in SHARES:
        _put(document, share, _percent(posted.get(share, "")))
    rows = policy_reasons.read(posted)
    if rows is not None:
        document["reasons"] = policy_reasons.written(rows)
    return Draft(FORM, document, _errors(document), as_text(document), note, None if rows is None else tuple(rows))


def _read_json(text: str, note: str) -> Draft:
    try:
        document = json.loads(text)
    except ValueError as error:
        return Draft(JSON, {}, {"": gettext("This is no JSON: %(error)s") % {"error": error}}, text, note)
    if not isinstance(document, dict):
        return Draft(JSON, {}, {"": "must be an object"}, text, note)
    errors = _errors(document)
    complete = document if errors else Rules.from_document(document).to_document()
    return Draft(JSON, complete, errors, text, note)


def as_text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False)


def _errors(document: dict[str, Any]) -> dict[str, str]:
    try:
        platforms.checked_rules(document)
    except InvalidRules as invalid:
        return {error["pointer"]: error["message"] for error in invalid.errors}
    return {}


def _number(text: str) -> float | str | None:
    """Empty is off; what is no number stays as it was typed, and is refused by name."""
    text = text.replace("\0", "").strip()
    if not text:
        return None
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return text[:40]


def _percent(text: str) -> float | str:
    """Moved by two decimal places, so that no digit is lost on the way to the form and back."""
    text = text.replace("\0", "").strip()
    try:
        return float(Decimal(text.replace(",", ".") or "0").scaleb(-2))
    except (ArithmeticError, ValueError):
        return text[:40]


def _put(document: dict[str, Any], dotted: str, value: Any) -> None:
    *parents, last = dotted.split(".")
    for parent in parents:
        document = document[parent]
    document[last] = value
