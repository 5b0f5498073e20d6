"""Tags for the pages that set something up: `{% load desk_forms %}`."""

from __future__ import annotations

from typing import Any

from django import template

register = template.Library()

KEY_WORDS = {
    "review_at": "Ask for review at or below p",
    "block_at": "Block at or below p",
    "several_faces": "Several faces in one item",
    "blind_first": "First opinion before the numbers",
    "checks.sample": "Random sample of what passed",
    "checks.second": "Second opinions",
    "checks.gold": "Known answers",
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
    return KEY_WORDS.get(dotted) or dotted.replace(".", ", ").replace("_", " ")


@register.filter
def rule_value(value: Any) -> str:
    """A value of the rules as people read it; what is off is said to be off."""
    if value is None or value == "":
        return "off"
    return f"{value:g}" if isinstance(value, float) else str(value).replace("_", " ")


@register.filter
def typed(value: Any) -> str:
    """What stands in a field: a number without needless zeros, or what was typed."""
    if value is None:
        return ""
    return f"{value:.10g}" if isinstance(value, int | float) else str(value)


@register.filter
def percent_typed(value: Any) -> str:
    return f"{value * 100:.6g}" if isinstance(value, int | float) else typed(value)


@register.filter
def one_in(share: float) -> str:
    """1 in 67."""
    return f"1 in {round(1 / share):,}" if 0 < share <= 1 else "none"


@register.inclusion_tag("deepfake_guard/parts/said.html")
def said(errors: dict[str, str], pointer: str) -> dict[str, str]:
    """What is wrong with one field, in a place of its own that a preview can fill."""
    name = pointer.strip("/").replace("/", "-") or "document"
    return {"told": errors.get(pointer, ""), "name": name}
