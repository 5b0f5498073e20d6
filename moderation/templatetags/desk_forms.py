"""Tags for the pages that set something up: `{% load desk_forms %}`."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import template

from moderation.templatetags import words

register = template.Library()

KEY_WORDS = {
    "review_at": "Ask for review at or below p",
    "block_at": "Block at or below p",
    "several_faces": "Several faces in one item",
    "blind_first": "First opinion before the numbers",
    "checks.sample": "Random sample of what passed",
    "checks.second": "Second opinions",
    "checks.gold": "Known answers",
    "due_hours": "Decided within",
    "opinions": "People who must agree",
    "until_screened": "A picture not screened yet is",
    "until_reviewed": "A picture that waits for a person is",
    "on_not_applicable.no_face": "No face found",
    "on_not_applicable.face_too_small": "Face too small",
    "on_not_applicable.face_too_blurry": "Face too blurred",
    "on_not_applicable.video_not_enabled": "A video",
}


@register.filter
def at(document: Any, dotted: str) -> Any:
    """The value under a dotted key of a nested dict; None where there is none."""
    for key in str(dotted).split("."):
        document = document.get(key) if isinstance(document, dict) else None
    return document


@register.filter
def key_words(dotted: str) -> str:
    first, _, rest = dotted.partition(".")
    if first == "reasons":
        return f"Reason “{rest}”"
    if first == "on_decision":
        value, _, part = rest.partition(".")
        return f"After “{words.DECISIONS.get(value, value)}”, {part}"
    return KEY_WORDS.get(dotted) or dotted.replace(".", ", ").replace("_", " ")


@register.filter
def rule_value(value: Any) -> str:
    """A value of the rules as people read it; what is off is said to be off."""
    if value is None or value == "":
        return "off"
    return f"{value:g}" if isinstance(value, float) else str(value).replace("_", " ")


@register.filter
def rule_words(value: Any, key: str) -> str:
    """A value of the rules under its dotted key, in words."""
    if key == "due_hours":
        return "what holds for all" if value is None else f"{value:g} h"
    if key == "opinions":
        return "1 person" if value == 1 else f"{value} people"
    if key == "blind_first" or key.startswith("checks."):
        return f"{percent_typed(value)} %" if value else "off"
    if key.startswith("reasons."):
        return value or "not listed"
    if key.startswith("on_decision."):
        return words.EFFECTS.get(value) or words.OUTCOMES.get(value) or str(value)
    return rule_value(value)


@register.filter
def typed(value: Any) -> str:
    """What stands in a field: a number without needless zeros, or what was typed."""
    if value is None:
        return ""
    if not isinstance(value, int | float):
        return str(value)
    return short if float(short := f"{value:g}") == value else repr(value)


@register.filter
def percent_typed(value: Any) -> str:
    """Moved by two decimal places: every digit is kept."""
    return f"{Decimal(repr(value)).scaleb(2).normalize():f}" if isinstance(value, int | float) else typed(value)


@register.filter
def one_in(share: float) -> str:
    """1 in 67."""
    return f"1 in {round(1 / share):,}" if 0 < share <= 1 else "none"


@register.filter
def place(row: int) -> dict[str, str]:
    """Names of the fields of one row of reasons, and where its mistakes are told."""
    pointer = f"/reasons/{row}"
    fields = {"code": f"{pointer}/code", "text": f"{pointer}/text", "dsa": f"{pointer}/dsa_category"}
    return {"key": f"reasons.{row}", **fields}


@register.inclusion_tag("deepfake_guard/parts/said.html")
def said(errors: dict[str, str], pointer: str) -> dict[str, str]:
    """What is wrong with one field, in a place of its own that a preview can fill."""
    name = pointer.strip("/").replace("/", "-") or "document"
    return {"told": errors.get(pointer, ""), "name": name}
