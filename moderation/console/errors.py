"""The pages for 403, 404 and 500: what happened, what it means for the work, what to do next."""

from __future__ import annotations

import sentry_sdk
import structlog
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

log = structlog.get_logger(__name__)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "deepfake_guard/403.html", {"permission": str(exception or "")}, status=403)


def form_expired(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form without a valid CSRF token (settings.CSRF_FAILURE_VIEW)."""
    log.warning("csrf_refused", reason=reason)
    return render(request, "deepfake_guard/form_expired.html", status=403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "deepfake_guard/404.html", {"what": str(exception or "")}, status=404)


def our_fault(request: HttpRequest) -> HttpResponse:
    """Rendered without the shell, which may be what broke; names the report, or the log line to look for."""
    reported = sentry_sdk.last_event_id()
    report = str(reported or getattr(request, "request_id", ""))
    context = {"report": report[:12], "reported": bool(reported)}
    return render(request, "deepfake_guard/500.html", context, status=500)
