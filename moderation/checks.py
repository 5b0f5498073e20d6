"""System checks: misconfiguration is named at start, with an id (docs/settings.md lists them)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured
from django.shortcuts import resolve_url
from django.urls import NoReverseMatch, Resolver404, get_script_prefix, resolve

from moderation import site_checks
from moderation.conf import HARD_LIMIT_SECONDS, VISIBILITY_SECONDS, Conf, conf
from moderation.egress import proxy_of

POSITIVE = (
    "MAX_UPLOAD_BYTES",
    "MAX_PIXELS",
    "MAX_FRAMES",
    "SCAN_BATCH",
    "DECODE_SECONDS",
    "SCAN_LEASE_SECONDS",
    "CASE_LEASE_SECONDS",
    "CASE_DUE_HOURS",
)
NOT_NEGATIVE = (
    "UNDO_SECONDS",
    "STEP_UP_SECONDS",
    "STORAGE_CEILING_BYTES",
    "CALLS_PER_MINUTE",
    "BREAK_MINUTES",
    "DAILY_CAP",
)


def register_all() -> None:
    site_checks.register_all()
    register(check_settings, Tags.security)
    register(check_login, Tags.security)


def check_settings(**_: Any) -> list[CheckMessage]:
    try:
        values = conf()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="deepfake_guard.E001")]
    return [*_numbers(values), *_times(values), *_webhooks(values)]


def _numbers(values: Conf) -> list[CheckMessage]:
    bad = [f"{name} must be positive" for name in POSITIVE if getattr(values, name) <= 0]
    bad += [f"{name} must not be negative" for name in NOT_NEGATIVE if getattr(values, name) < 0]
    return [Error(f"DEEPFAKE_GUARD: {text}", id="deepfake_guard.E002") for text in bad]


def _times(values: Conf) -> list[CheckMessage]:
    """Batch × decode limit < hard task limit < lease < visibility time-out (design.md §1)."""
    lease_fits = HARD_LIMIT_SECONDS < values.SCAN_LEASE_SECONDS < VISIBILITY_SECONDS or values.SCAN_LEASE_SECONDS <= 0
    if values.SCAN_BATCH * values.DECODE_SECONDS < HARD_LIMIT_SECONDS and lease_fits:
        return []
    text = (
        f"SCAN_BATCH × DECODE_SECONDS must stay under the task limit ({HARD_LIMIT_SECONDS} s), SCAN_LEASE_SECONDS "
        f"between it and the broker's visibility time-out ({VISIBILITY_SECONDS} s)"
    )
    return [Error(f"DEEPFAKE_GUARD: {text}", id="deepfake_guard.E003")]


def _webhooks(values: Conf) -> list[CheckMessage]:
    found: list[CheckMessage] = [
        Error(f"{name} takes host:port entries, not {entry!r}", id="deepfake_guard.E004")
        for name in ("WEBHOOK_ALLOWED", "URL_ALLOWED")
        for entry in getattr(values, name)
        if not entry.rpartition(":")[2].isdigit() or not entry.rpartition(":")[0]
    ]
    if values.EGRESS_PROXY:
        try:
            proxy_of(values.EGRESS_PROXY)
        except ValueError as error:
            found.append(Error(f"EGRESS_PROXY: {error}", id="deepfake_guard.E014"))
    for number, key in enumerate(values.FERNET_KEYS, 1):
        try:
            Fernet(key)
        except ValueError:
            text = (
                f"FERNET_KEYS: entry {number} is not 32 url-safe base64-encoded bytes (Fernet.generate_key() makes one)"
            )
            found.append(Error(text, id="deepfake_guard.E005"))
    return found


def check_login(**_: Any) -> list[CheckMessage]:
    """Whoever signs people in is the project's business; that somebody does, and counts failures, is checked here."""
    found: list[CheckMessage] = []
    if not _leads_somewhere(settings.LOGIN_URL):
        text = f"LOGIN_URL is {settings.LOGIN_URL!r}, which is no route: set it to your own, or include urls_with_login"
        found.append(Error(text, id="deepfake_guard.E006"))
    elif not _answered(resolve_url(settings.LOGIN_URL)):
        text = (
            f"LOGIN_URL is {settings.LOGIN_URL!r}, and no route of yours answers there: right only where a proxy does. "
            'Else serve a sign-in there, such as path("accounts/", include("django.contrib.auth.urls"))'
        )
        found.append(checks.Warning(text, id="deepfake_guard.W007"))
    counted = any(backend.startswith("axes.") for backend in settings.AUTHENTICATION_BACKENDS)
    if _leads_somewhere("guard:login") and not counted:
        text = "the guard's own login is served, but nothing counts failures: wire django-axes as in its own settings"
        found.append(checks.Warning(text, id="deepfake_guard.W001"))
    return found


def _leads_somewhere(route: str) -> bool:
    try:
        resolve_url(route)
    except NoReverseMatch:
        return False
    return True


def _answered(url: str) -> bool:
    """Whether a route is there. An address with a host, or outside the prefix under which we are served, may be."""
    prefix = get_script_prefix()
    if not url.startswith(prefix) or url.startswith("//"):
        return True
    try:
        resolve("/" + urlsplit(url).path.removeprefix(prefix))
    except Resolver404:
        return False
    return True
