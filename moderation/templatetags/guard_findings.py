"""The three voices and what was found: `{% load guard_findings %}`."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from deepfake_guard.detector.explain import words as said
from deepfake_guard.detector.explain.strip import strip as strip_of
from deepfake_guard.detector.records import MIN_NATIVE_PX
from moderation.models import DetectedFace, Verdict
from moderation.templatetags import figures, words
from moderation.templatetags.guard import icon
from moderation.vocabulary import DecisionValue, Outcome, Reason, Statement

register = template.Library()

STATEMENT_LOOKS = {
    Statement.LIKELY_SYNTHETIC: ("is-synthetic", "high"),
    Statement.UNCERTAIN: ("is-uncertain", "mid"),
    Statement.NO_EVIDENCE: ("", "low"),
}
OUTCOME_LOOKS = {
    Outcome.ALLOW: ("is-allow", "check"),
    Outcome.REVIEW: ("is-review", "eye"),
    Outcome.BLOCK: ("is-block", "ban"),
}
DECISION_LOOKS = {
    DecisionValue.SYNTHETIC: ("is-synthetic", "spark"),
    DecisionValue.ALTERED: ("is-altered", "brush"),
    DecisionValue.GENUINE: ("is-genuine", "check"),
    DecisionValue.CANNOT_TELL: ("is-plain", "question"),
}


def _chip(kind: str, looks: tuple[str, str], word: str) -> SafeString:
    return format_html('<span class="chip {} {}">{}{}</span>', kind, looks[0], icon(looks[1]), word)


@register.simple_tag
def statement_chip(statement: str) -> SafeString | str:
    """The machine's voice: outlined. Nothing where nothing was scored."""
    return (
        _chip("chip--machine", STATEMENT_LOOKS[Statement(statement)], words.said(words.STATEMENTS, statement))
        if statement
        else ""
    )


@register.simple_tag
def outcome_chip(outcome: str) -> SafeString:
    """The policy's voice: tinted."""
    return _chip("", OUTCOME_LOOKS[Outcome(outcome)], words.said(words.OUTCOMES, outcome))


@register.simple_tag
def decision_chip(value: str) -> SafeString:
    """People's voice: solid."""
    return _chip("chip--person", DECISION_LOOKS[DecisionValue(value)], words.said(words.DECISIONS, value))


@register.filter
def statement_look(statement: str) -> str:
    return STATEMENT_LOOKS[Statement(statement)][0] if statement else ""


@register.simple_tag
def finding(p: float, n: int, reached: int) -> str:
    return said.finding(p, n, reached, gettext)


@register.simple_tag
def fine_print(p: float, n: int, reached: int) -> str:
    return words.fine_print(p, n, reached)


@register.filter
def verdict_words(verdict: Verdict | None) -> str:
    """Of the most unusual face, which stands for the item."""
    faces = [face for face in verdict.evidence.get("faces", []) if face["p_value"] is not None] if verdict else []
    if not faces:
        reasons = verdict.reasons if verdict else []
        return words.why(reasons) if reasons else gettext("Not scored")
    least = min(faces, key=lambda face: face["p_value"])
    return said.finding(least["p_value"], least["n"], least["reached"], gettext)


@register.inclusion_tag("deepfake_guard/parts/track.html")
def track(p: float, n: int, line: float, statement: str) -> dict[str, Any]:
    return {"track": figures.track(p, n, line), "p": p, "statement": statement}


@register.inclusion_tag("deepfake_guard/parts/strip.html")
def strip(
    bucket: dict[str, Any],
    score: float | None = None,
    p: float | None = None,
    line: float | None = None,
    statement: str = "",
) -> dict[str, Any]:
    return {"strip": strip_of(bucket, score, line), "p": p, "statement": statement}


@register.filter
def decision_look(value: str) -> str:
    return DECISION_LOOKS[DecisionValue(value)][0]


@register.filter
def decision_icon(value: str) -> str:
    return DECISION_LOOKS[DecisionValue(value)][1]


@register.filter
def not_scored(face: DetectedFace) -> str:
    if face.reason == Reason.FACE_TOO_SMALL:
        sizes = {"size": face.native_px, "needed": MIN_NATIVE_PX}
        return gettext("not scored: %(size)s px, needs %(needed)s") % sizes
    if face.reason == Reason.TOO_MANY_FACES:
        return gettext("not scored: many others are larger")
    return gettext("not scored: too blurred") if face.reason == Reason.FACE_TOO_BLURRY else gettext("not scored")


@register.filter
def floor_text(n: int) -> str:
    """The smallest p-value that n calibration faces allow."""
    return said.p_text(1 / (n + 1))
