"""The pages for 403, 404 and 500: what happened, what it means for the work, what to do next."""

from __future__ import annotations

import sentry_sdk
import structlog
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from moderation import authority
from moderation.services import people

log = structlog.get_logger(__name__)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """`exception` names the permission; where the guard's own roles decide, the page names those that have it."""
    own = authority.rule_for(request.user) is None
    roles = [role.value for role, given in people.ROLES.items() if own and str(exception) in given]
    return render(request, "deepfake_guard/403.html", {"roles": roles}, status=403)


def form_expired(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form without a valid CSRF token (settings.CSRF_FAILURE_VIEW)."""
    log.warning("csrf_refused", reason=reason)
    return render(request, "deepfake_guard/form_expired.html", status=403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    said = exception.args[0] if exception and exception.args else ""
    what = said if isinstance(said, str) else ""  # of an unknown address Django gives the routes that it tried
    return render(request, "deepfake_guard/404.html", {"what": what}, status=404)


def our_fault(request: HttpRequest) -> HttpResponse:
    """Rendered without the shell, which may be what broke; names the report, or the log line to look for."""
    reported = sentry_sdk.last_event_id()
    report = str(reported or getattr(request, "request_id", ""))
    context = {"report": report[:12], "reported": bool(reported)}
    return render(request, "deepfake_guard/500.html", context, status=500)
