"""Tags of the console's templates: `{% load guard %}`."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django import template
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from deepfake_guard.detector.explain import words as said
from deepfake_guard.detector.explain.strip import strip as strip_of
from moderation import blind, queries
from moderation.conf import conf
from moderation.models import Decision, DetectedFace, Reach, ReviewCase, Verdict
from moderation.services import preferences
from moderation.templatetags import figures, words
from moderation.vocabulary import DecisionValue, Outcome, Reason, Statement

register = template.Library()
SOON_SECONDS = 3600

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

for name, table in {
    "statement_words": words.STATEMENTS,
    "decision_words": words.DECISIONS,
    "decision_reason_words": words.DECISION_REASONS,
    "effect_words": words.EFFECTS,
    "outcome_words": words.OUTCOMES,
    "status_words": words.STATUSES,
    "event_words": words.EVENTS,
    "reason_words": words.REASONS,
    "illegal_words": words.ILLEGAL_KINDS,
    "report_words": words.REPORT_REASONS,
    "action_words": words.ACTIONS,
    "switch_words": words.SWITCHES,
    "cure_words": words.CURES,
}.items():
    register.filter(name, lambda value, table=table: table.get(value, str(value).replace("_", " ")))
register.filter("p_text", said.p_text)
register.filter("bucket_words", said.bucket_words)
register.filter("line_text", lambda line: f"{line:g}")
register.filter("size_words", words.size)
register.filter("span_words", words.span)
register.filter("share_words", words.share)
register.filter("why_words", words.why)
register.filter("why_word", lambda reason: words.why([reason]))


@register.simple_tag
def icon(name: str) -> SafeString:
    sprite = static("deepfake_guard/icons.svg")
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}#{}"/></svg>', sprite, name)


def _chip(kind: str, looks: tuple[str, str], word: str) -> SafeString:
    return format_html('<span class="chip {} {}">{}{}</span>', kind, looks[0], icon(looks[1]), word)


@register.simple_tag
def statement_chip(statement: str) -> SafeString | str:
    """The machine's voice: outlined. Nothing where nothing was scored."""
    return (
        _chip("chip--machine", STATEMENT_LOOKS[Statement(statement)], words.STATEMENTS[statement]) if statement else ""
    )


@register.simple_tag
def outcome_chip(outcome: str) -> SafeString:
    """The policy's voice: tinted."""
    return _chip("", OUTCOME_LOOKS[Outcome(outcome)], words.OUTCOMES[outcome])


@register.simple_tag
def decision_chip(value: str) -> SafeString:
    """People's voice: solid."""
    return _chip("chip--person", DECISION_LOOKS[DecisionValue(value)], words.DECISIONS[value])


@register.filter
def statement_look(statement: str) -> str:
    return STATEMENT_LOOKS[Statement(statement)][0] if statement else ""


@register.simple_tag
def finding(p: float, n: int, reached: int) -> str:
    return said.finding(p, n, reached)


@register.simple_tag
def fine_print(p: float, n: int, reached: int) -> str:
    return words.fine_print(p, n, reached)


@register.filter
def verdict_words(verdict: Verdict | None) -> str:
    """Of the most unusual face, which stands for the item."""
    faces = [face for face in verdict.evidence.get("faces", []) if face["p_value"] is not None] if verdict else []
    if not faces:
        reasons = verdict.reasons if verdict else []
        return words.why(reasons) if reasons else "Not scored"
    least = min(faces, key=lambda face: face["p_value"])
    return said.finding(least["p_value"], least["n"], least["reached"])


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


@register.simple_tag
def due(due_at: datetime) -> dict[str, str]:
    """{"words", "look"}: in 12 min, 8 min late."""
    left = due_at - timezone.now()
    if left.total_seconds() < 0:
        return {"words": f"{words.span(left)} late", "look": "is-late"}
    return {"words": f"in {words.span(left)}", "look": "is-due" if left.total_seconds() < SOON_SECONDS else ""}


@register.filter
def decision_look(value: str) -> str:
    return DECISION_LOOKS[DecisionValue(value)][0]


@register.filter
def decision_icon(value: str) -> str:
    return DECISION_LOOKS[DecisionValue(value)][1]


@register.filter
def not_scored(face: DetectedFace) -> str:
    if face.reason == Reason.FACE_TOO_SMALL:
        return f"not scored: {face.native_px} px, needs {words.SMALLEST_FACE_PX}"
    return "not scored: too blurred" if face.reason == Reason.FACE_TOO_BLURRY else "not scored"


@register.filter
def media_word(media_type: str) -> str:
    return words.MEDIA.get(media_type, media_type)


@register.filter
def units(value: float) -> str:
    """A length in SVG units, with a point whatever the language."""
    return f"{value:.1f}"


@register.filter
def add_units(value: float, more: int) -> str:
    return units(value + more)


@register.filter
def clock(seconds: int) -> str:
    return f"{seconds // 60}:{seconds % 60:02d}"


@register.filter
def floor_text(n: int) -> str:
    """The smallest p-value that n calibration faces allow."""
    return said.p_text(1 / (n + 1))


@register.filter
def is_today(moment: datetime) -> bool:
    return timezone.localdate(moment) == timezone.localdate()


@register.filter
def ago(moment: datetime) -> str:
    return words.span(timezone.now() - moment)


@register.filter
def seconds_ago(moment: datetime) -> str:
    """12 s, then as `ago`: for what has just happened."""
    return words.moments(timezone.now() - moment)


def _is_held(case: ReviewCase) -> bool:
    return case.lease_until is not None and case.lease_until > timezone.now()


@register.filter
def taken_by_other(case: ReviewCase, user: User) -> bool:
    return _is_held(case) and case.holder_id not in (None, user.pk)


@register.filter
def mine(case: ReviewCase, user: User) -> bool:
    return _is_held(case) and case.holder_id == user.pk


@register.filter
def unless(value: Any, hidden: bool) -> Any:
    return "" if hidden else value


@register.filter
def hidden_from(case: ReviewCase, user: User) -> bool:
    """Whether a first opinion of this person is awaited; read from the column where the list has one."""
    known: bool | None = getattr(case, "hidden", None)
    return blind.is_hidden(case, user) if known is None else known


@register.filter
def person(user: User | None) -> str:
    return (user.get_full_name() or user.get_username()) if user else "somebody"


@register.filter
def initials(user: User) -> str:
    parts = person(user).replace("-", " ").replace(".", " ").split()
    return "".join(part[0] for part in parts[:2]).upper()


@register.filter
def role(user: User) -> str:
    group = user.groups.first()
    return group.name.capitalize() if group else "No role"


@register.filter
def reach_words(user: User) -> str:
    """Which platforms this person sees; the reach is prefetched by services.people."""
    reach: Reach | None = getattr(user, "guard_reach", None)
    if reach is None:
        return "no platform"
    names = [platform.name for platform in reach.platforms.all()]
    return "all platforms" if reach.all_platforms else ", ".join(names) or "no platform"


register.filter("browser_words", words.browser)


@register.filter
def counted(count: int) -> str:
    """A count that stops at a limit: 1,000+."""
    limit = queries.COUNTED_AT_MOST
    return f"{limit:,}+" if count > limit else str(count)


@register.simple_tag(takes_context=True)
def open_case_count(context: Any) -> int:
    return queries.open_case_count(context["request"].user)


def _desk(context: Any) -> preferences.Desk:
    """The person's preferences, read once a request."""
    request: Any = context.get("request")
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return preferences.usual()
    if not hasattr(request, "desk"):
        request.desk = preferences.of(user)
    desk: preferences.Desk = request.desk
    return desk


@register.simple_tag(takes_context=True)
def desk(context: Any) -> preferences.Desk:
    return _desk(context)


@register.simple_tag(takes_context=True)
def key(context: Any, action: str) -> SafeString:
    """The person's own key for an action, as a hint; the style sheet hides hints where single keys are off."""
    return format_html("<kbd>{}</kbd>", _desk(context).keys[action].upper())


@register.filter
def plain_name(name: str) -> str:
    """member_since → member since."""
    return name.replace("_", " ")


@register.filter
def pretty_json(document: Any) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False)


@register.filter
def as_json(value: Any) -> str:
    """For an attribute; the template escapes it."""
    return json.dumps(value)


@register.simple_tag(takes_context=True)
def theme(context: Any) -> str:
    """The kept choice, so that the first paint is already right."""
    request: HttpRequest | None = context.get("request")
    kept = request.COOKIES.get("guard_theme") if request else None
    return kept if kept in {"light", "dark"} else ""


@register.inclusion_tag("deepfake_guard/parts/undo.html", takes_context=True)
def undo_bar(context: Any) -> dict[str, Any]:
    """The person's decision that can still be taken back, on whatever page they are."""
    request: HttpRequest = context["request"]
    decision: Decision | None = queries.pending_decision(request.user) if request.user.is_authenticated else None
    seconds = max(0, round((decision.settle_at - timezone.now()).total_seconds())) if decision else 0
    whole = max(1, conf().UNDO_SECONDS)
    return {
        "decision": decision,
        "seconds": seconds,
        "whole": whole,
        "request": request,
        "csrf_token": context.get("csrf_token"),
    }
