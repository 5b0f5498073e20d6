"""What a platform may use, set on its page; empty is what holds for all."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from moderation.console.access import MANAGE_PLATFORM, DeskRequest, needs
from moderation.console.platform import actor, page, platform_or_404, typed
from moderation.console.step_up import step_up
from moderation.services import limits

FIELDS = ("items_per_day", "storage_mb", "calls_per_minute")


@require_POST
@needs(MANAGE_PLATFORM)
@step_up
def set_limits(request: DeskRequest, platform_id: uuid.UUID) -> HttpResponse:
    platform = platform_or_404(platform_id)
    given = {name: typed(request, name) for name in FIELDS}
    try:
        items, megabytes, calls = (_number(given[name]) for name in FIELDS)
        storage = None if megabytes is None else megabytes * limits.MEGABYTE
        limits.set_limits(
            platform, items_per_day=items, storage_bytes=storage, calls_per_minute=calls, actor=actor(request)
        )
    except ValueError:
        told = gettext("Each is a whole number from 0, or empty.")
        return page(request, platform, status=422, limits_error=told, limits_given=given)
    messages.info(request, gettext("Saved. It holds from the next call on."))
    return redirect("guard:platform", platform_id)


def _number(text: str) -> int | None:
    if text and not text.isascii():
        raise ValueError(text)
    return int(text) if text else None
