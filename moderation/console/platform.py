"""A platform's door as a page, open or closed, and how long its media are kept."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop
from django.views.decorators.http import require_POST, require_safe

from moderation import platform_queries
from moderation.conf import conf
from moderation.console.access import MANAGE_PLATFORM, DeskRequest, needs
from moderation.console.step_up import step_up
from moderation.models import Platform
from moderation.services import limits, platforms, room
from moderation.vocabulary import Scope

PAGE = "deepfake_guard/platform/platform.html"
LONGEST_NAME = 100
SCOPE_WORDS = {
    Scope.ITEMS_WRITE: gettext_noop("send items"),
    Scope.ITEMS_READ: gettext_noop("read items and what was found"),
    Scope.ITEMS_ERASE: gettext_noop("erase items"),
    Scope.CASES_READ: gettext_noop("read cases"),
    Scope.CASES_DECIDE: gettext_noop("decide cases"),
    Scope.POLICIES_WRITE: gettext_noop("publish policies"),
    Scope.PLATFORM_ADMIN: gettext_noop("manage keys and endpoints"),
}


@require_safe
@needs(MANAGE_PLATFORM)
def platform_list(request: DeskRequest) -> HttpResponse:
    return render(
        request,
        "deepfake_guard/platform/list.html",
        {"platforms": platform_queries.platforms_with_counts(request.user)},
    )


@require_POST
@needs(MANAGE_PLATFORM)
@step_up
def add_platform(request: DeskRequest) -> HttpResponse:
    name = typed(request, "name")
    try:
        platform = platforms.create_platform(name, actor=actor(request))
    except ValueError:
        messages.warning(request, gettext("A platform needs a name."))
    except platforms.NameTaken:
        messages.warning(request, gettext("There is a platform named %(name)s already.") % {"name": name})
    else:
        return redirect("guard:platform", platform.pk)
    return redirect("guard:platforms")


@require_safe
@needs(MANAGE_PLATFORM)
def platform(request: DeskRequest, platform_id: uuid.UUID) -> HttpResponse:
    return page(request, platform_or_404(platform_id))


def page(request: DeskRequest, platform: Platform, *, status: int = 200, **shown: Any) -> HttpResponse:
    """`shown`: a secret that is seen this once, or what was wrong with a form and what had been typed."""
    context: dict[str, Any] = {
        "platform": platform,
        "keys": platform.keys.order_by("-created_at"),
        "endpoints": platform_queries.endpoints_of(platform),
        "deliveries": platform_queries.deliveries_of(platform),
        "scopes": [(scope, gettext(SCOPE_WORDS[scope])) for scope in Scope],
        "now": timezone.now(),
        "allowed": conf().WEBHOOK_ALLOWED,
        "limits": _limits(platform),
        "limits_given": {  # as the form shows them
            "items_per_day": platform.items_per_day,
            "storage_mb": None if platform.storage_bytes is None else platform.storage_bytes // limits.MEGABYTE,
            "calls_per_minute": platform.calls_per_minute,
        },
        **shown,
    }
    return render(request, PAGE, context, status=status)


def _limits(platform: Platform) -> dict[str, Any]:
    """What holds for all, and what is used."""
    return {
        "ceiling_of_all": conf().STORAGE_CEILING_BYTES // limits.MEGABYTE,
        "calls_of_all": conf().CALLS_PER_MINUTE,
        "items_today": limits.items_today(platform),
        "stored_mb": room.bytes_stored(platform) / limits.MEGABYTE,
    }


@require_POST
@needs(MANAGE_PLATFORM)
@step_up
def retention(request: DeskRequest, platform_id: uuid.UUID) -> HttpResponse:
    platform = platform_or_404(platform_id)
    given = {name: typed(request, name) for name in ("allowed_days", "decided_days")}
    try:
        days = {name: int(value) for name, value in given.items() if value.isascii()}
        platforms.set_retention(platform, actor=actor(request), **days)
    except (ValueError, TypeError):
        told = gettext("Both are whole days from 0 to %(most)s.") % {"most": f"{platforms.LONGEST_DAYS:,}"}
        return page(request, platform, status=422, retention_error=told, retention_given=given)
    messages.info(request, gettext("Saved. What is past its days now goes within the hour."))
    return redirect("guard:platform", platform_id)


@require_POST
@needs(MANAGE_PLATFORM)
@step_up
def open_or_close(request: DeskRequest, platform_id: uuid.UUID) -> HttpResponse:
    platform = platform_or_404(platform_id)
    opened = request.POST.get("active") == "1"
    platforms.set_active(platform, opened, actor=actor(request))
    said = (
        gettext("%(platform)s takes content again.")
        if opened
        else gettext("%(platform)s takes no content: its keys open nothing.")
    )
    messages.info(request, said % {"platform": platform.name})
    return redirect("guard:platform", platform_id)


def platform_or_404(platform_id: uuid.UUID) -> Platform:
    found = Platform.objects.filter(pk=platform_id).first()
    if found is None:
        raise Http404(gettext("There is no such platform."))
    return found


def actor(request: DeskRequest) -> str:
    return f"user:{request.user.pk}"


def typed(request: DeskRequest, name: str) -> str:
    return request.POST.get(name, "").replace("\0", "").strip()[:LONGEST_NAME]
