"""Tags of the console's templates: `{% load guard %}`."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django import template
from django.templatetags.static import static
from django.utils import dateformat, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from deepfake_guard.detector.explain import words as said
from moderation import authority, queue_queries
from moderation.authority import Person
from moderation.sentence import translated
from moderation.templatetags import amounts, words

register = template.Library()


for name, table in {
    "statement_words": words.STATEMENTS,
    "decision_words": words.DECISIONS,
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
    "appeal_words": words.APPEALS,
    "state_words": words.STATES,
}.items():
    register.filter(name, lambda value, table=table: words.said(table, value))
register.filter("p_text", said.p_text)
register.filter("bucket_words", lambda bucket: said.bucket_words(bucket, gettext))


@register.filter
def may(user: Person, permission: str) -> bool:
    """`{% if user|may:"decide" %}`: on any platform at all."""
    return authority.may(user, f"{authority.APP}{permission}")


register.filter("line_text", lambda line: f"{line:g}")
register.filter("size_words", amounts.size)
register.filter("span_words", amounts.span)
register.filter("share_words", amounts.share)
register.filter("why_words", words.why)
register.filter("why_word", lambda reason: words.why([reason]))


@register.simple_tag
def icon(name: str) -> SafeString:
    sprite = static("deepfake_guard/icons.svg")
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}#{}"/></svg>', sprite, name)


@register.simple_tag
def due(due_at: datetime) -> dict[str, str]:
    """{"words", "look"}: in 12 min, 8 min late."""
    left = due_at - timezone.now()
    if left.total_seconds() < 0:
        return {"words": gettext("%(span)s late") % {"span": amounts.span(left)}, "look": "is-late"}
    look = "is-due" if left < queue_queries.SOON else ""
    return {"words": gettext("in %(span)s") % {"span": amounts.span(left)}, "look": look}


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


@register.filter(expects_localtime=True)
def when(moment: datetime | None, form: str) -> SafeString | str:
    """A moment in the viewer's zone, which pointing at it names; `form` as of Django's `date`. "" without one."""
    if moment is None:
        return ""
    iso = moment.isoformat(timespec="seconds")
    title = f"{dateformat.format(moment, 'j M Y, H:i:s')}, {zone_words(moment)}"
    return format_html('<time datetime="{}" title="{}">{}</time>', iso, title, dateformat.format(moment, form))


def zone_words(moment: datetime) -> str:
    """Europe/Berlin (UTC+02:00), of the zone in force."""
    name, offset = timezone.get_current_timezone_name(), moment.isoformat()[-6:]
    return name if name == "UTC" else f"{name} (UTC{offset})"


@register.filter
def in_language(message: str) -> str:
    """What a module says that knows no Django (`borrowed_words`)."""
    return translated(message, gettext) if message else ""


@register.filter
def is_today(moment: datetime) -> bool:
    return timezone.localdate(moment) == timezone.localdate()


@register.filter
def ago(moment: datetime) -> str:
    return amounts.span(timezone.now() - moment)


@register.filter
def seconds_ago(moment: datetime) -> str:
    """12 s, then as `ago`: for what has just happened."""
    return amounts.moments(timezone.now() - moment)


@register.filter
def unless(value: Any, hidden: bool) -> Any:
    return "" if hidden else value


register.filter("browser_words", amounts.browser)


@register.filter
def counted(count: int) -> str:
    """A count that stops at a limit: 1,000+."""
    limit = queue_queries.COUNTED_AT_MOST
    return f"{limit:,}+" if count > limit else str(count)


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
