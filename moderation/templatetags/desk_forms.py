"""Tags for the pages that set something up: `{% load desk_forms %}`."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import template
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_noop as _

from moderation.sentence import translated
from moderation.templatetags import amounts, words

register = template.Library()

KEY_WORDS = {
    "review_at": _("Ask for review at or below p"),
    "block_at": _("Block at or below p"),
    "several_faces": _("Several faces in one item"),
    "blind_first": _("First opinion before the numbers"),
    "checks.sample": _("Random sample of what passed"),
    "checks.second": _("Second opinions"),
    "checks.gold": _("Known answers"),
    "due_hours": _("Decided within"),
    "opinions": _("People who must agree"),
    "until_screened": _("A picture not screened yet is"),
    "until_reviewed": _("A picture that waits for a person is"),
    "on_not_applicable.no_face": _("No face found"),
    "on_not_applicable.face_too_small": _("Face too small"),
    "on_not_applicable.face_too_blurry": _("Face too blurred"),
    "on_not_applicable.video_not_enabled": _("A video"),
    "on_not_applicable.decode_error": _("A file that cannot be read"),
    "on_not_applicable.too_many_pixels": _("Too many pixels"),
    "on_not_applicable.too_many_frames": _("Too many frames"),
    "on_not_applicable.attempts_spent": _("Screening failed three times"),
}


PARTS = {"outcome": _("outcome"), "effect": _("effect")}
VALUES = {"bonferroni": _("bonferroni"), "any_face": _("any face"), "visible": _("visible"), "hidden": _("hidden")}


@register.filter
def at(document: Any, dotted: str) -> Any:
    """The value under a dotted key of a nested dict; None where there is none."""
    for key in str(dotted).split("."):
        document = document.get(key) if isinstance(document, dict) else None
    return document


@register.filter
def key_words(dotted: str) -> str:
    first, _dot, rest = dotted.partition(".")
    if first == "reasons":
        return gettext("Reason “%(code)s”") % {"code": rest}
    if first == "on_decision":
        value, _dot, part = rest.partition(".")
        said_of = {"decision": words.said(words.DECISIONS, value), "part": gettext(PARTS.get(part, part))}
        return gettext("After “%(decision)s”, %(part)s") % said_of
    return gettext(KEY_WORDS[dotted]) if dotted in KEY_WORDS else dotted.replace(".", ", ").replace("_", " ")


@register.filter
def rule_value(value: Any) -> str:
    """A value of the rules as people read it; what is off is said to be off."""
    if value is None or value == "":
        return gettext("off")
    if isinstance(value, float):
        return f"{value:g}"
    return words.said({**words.OUTCOMES, **VALUES}, value)


@register.filter
def rule_words(value: Any, key: str) -> str:
    """A value of the rules under its dotted key, in words."""
    if key == "due_hours":
        return gettext("what holds for all") if value is None else gettext("%(hours)s h") % {"hours": f"{value:g}"}
    if key == "opinions":
        return ngettext("%(n)s person", "%(n)s people", value) % {"n": value}
    if key == "blind_first" or key.startswith("checks."):
        return f"{percent_typed(value)} %" if value else gettext("off")
    if key.startswith("reasons."):
        return value or gettext("not listed")
    if key.startswith("on_decision."):
        return words.said(words.EFFECTS if key.endswith(".effect") else words.OUTCOMES, value)
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
    return amounts.one_in(round(1 / share)) if 0 < share <= 1 else gettext("none")


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
    told = errors.get(pointer)
    return {"told": translated(told, gettext) if told else "", "name": name}
