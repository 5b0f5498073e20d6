"""In whose time the console tells times: the person's own zone, else their browser's, else the project's TIME_ZONE.

Only what is decorated is touched: a host's own views keep the host's zone.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import tzinfo
from functools import wraps
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone

from moderation.services import preferences

COOKIE = "guard_zone"  # js/zone.js keeps it
View = Callable[..., HttpResponseBase]


def zone_of(request: HttpRequest) -> tzinfo:
    """A cookie is a stranger's word: only a name of the tz database counts."""
    desk: preferences.Desk = request.desk  # type: ignore[attr-defined]
    for name in (desk.time_zone, request.COOKIES.get(COOKIE, "").replace("%2F", "/")):
        if name in preferences.zone_names():
            return ZoneInfo(name)
    return timezone.get_default_timezone()


def in_viewers_zone(view: View) -> View:
    """Also leaves the person's preferences at `request.desk`, for the tags of the page."""

    @wraps(view)
    def zoned(request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        request.desk = preferences.of(request.user)
        with timezone.override(zone_of(request)):
            return view(request, *args, **kwargs)

    return zoned
