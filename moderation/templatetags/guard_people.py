"""Who is at the desk, what they hold and how they like it: `{% load guard_people %}`."""

from __future__ import annotations

from typing import Any

from django import template
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from moderation import blind, queries, queue_queries
from moderation.conf import conf
from moderation.models import Decision, Reach, ReviewCase
from moderation.services import leases, people, preferences
from moderation.templatetags import words

register = template.Library()


register.filter("taken_by_other", leases.taken_by_other)


@register.filter
def mine(case: ReviewCase, user: User) -> bool:
    return leases.is_held(case) and case.holder_id == user.pk


@register.filter
def hidden_from(case: ReviewCase, user: User) -> bool:
    """Whether a first opinion of this person is awaited; read from the column where the list has one."""
    known: bool | None = getattr(case, "hidden", None)
    return blind.is_hidden(case, user) if known is None else known


@register.filter
def person(user: User | None) -> str:
    return people.name_of(user) if user else gettext("somebody")


@register.filter
def initials(user: User) -> str:
    parts = person(user).replace("-", " ").replace(".", " ").split()
    return "".join(part[0] for part in parts[:2]).upper()


@register.filter
def role(user: User) -> str:
    group = user.groups.first()
    unnamed = gettext("by this site's rule") if conf().AUTHORISER else gettext("No role")
    return role_words(group.name) if group else unnamed


@register.filter
def role_words(name: str) -> str:
    """A group of the host's own keeps its name."""
    return gettext(words.ROLES[name]) if name in words.ROLES else name.capitalize()


@register.filter
def reach_words(user: User) -> str:
    """Which platforms this person sees; the reach is prefetched by services.people."""
    reach: Reach | None = getattr(user, "guard_reach", None)
    if reach is None:
        return gettext("no platform")
    names = [platform.name for platform in reach.platforms.all()]
    return gettext("all platforms") if reach.all_platforms else ", ".join(names) or gettext("no platform")


@register.simple_tag(takes_context=True)
def open_case_count(context: Any) -> int:
    return queue_queries.open_case_count(context["request"].user)


@register.simple_tag(takes_context=True)
def locked_case_count(context: Any) -> int:
    return queue_queries.locked_case_count(context["request"].user)


def _desk(context: Any) -> preferences.Desk:
    """The person's preferences, read once a request (console/zones.py)."""
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


@register.simple_tag(takes_context=True)
def key_behind(context: Any, action: str) -> str:
    """The same for a title, which no style sheet can hide: “ (B)”, or nothing where single keys are off."""
    desk = _desk(context)
    return f" ({desk.keys[action].upper()})" if desk.single_keys else ""


@register.simple_tag(takes_context=True)
def theme(context: Any) -> str:
    """The kept choice, so that the first paint is already right."""
    request: HttpRequest | None = context.get("request")
    kept = request.COOKIES.get("guard_theme") if request else None
    return kept if kept in {"light", "dark"} else ""


@register.inclusion_tag("deepfake_guard/parts/undo.html", takes_context=True)
def undo_bar(context: Any) -> dict[str, Any]:
    """What the person can still take back, on whatever page they are: one decision, or all that were made at once."""
    request: HttpRequest = context["request"]
    decision: Decision | None = queries.pending_decision(request.user) if request.user.is_authenticated else None
    seconds = max(0, round((decision.settle_at - timezone.now()).total_seconds())) if decision else 0
    whole = max(1, conf().UNDO_SECONDS)
    return {
        "decision": decision,
        "together": queries.pending_together(decision) if decision else 0,
        "seconds": seconds,
        "whole": whole,
        "request": request,
        "csrf_token": context.get("csrf_token"),
    }
