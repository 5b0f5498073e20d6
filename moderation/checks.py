"""System checks: misconfiguration is named at start, with an id (docs/settings.md lists them)."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured

from moderation.conf import conf


def register_all() -> None:
    register(check_settings, Tags.security)


def check_settings(**_: Any) -> list[CheckMessage]:
    try:
        values = conf()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="deepfake_guard.E001")]
    found: list[CheckMessage] = [
        Error(f"DEEPFAKE_GUARD[{name!r}] must be positive", id="deepfake_guard.E002")
        for name in ("MAX_UPLOAD_BYTES", "MAX_PIXELS", "SCAN_BATCH", "DECODE_SECONDS", "SCAN_LEASE_SECONDS")
        if getattr(values, name) <= 0
    ]
    if values.SCAN_BATCH * values.DECODE_SECONDS >= 360 or values.SCAN_LEASE_SECONDS <= 360:
        found.append(
            Error(
                "SCAN_BATCH × DECODE_SECONDS must stay under the task limit (360 s), and the lease above it",
                id="deepfake_guard.E003",
            )
        )
    found += [
        Error(f"WEBHOOK_ALLOWED takes host:port entries, not {entry!r}", id="deepfake_guard.E004")
        for entry in values.WEBHOOK_ALLOWED
        if not entry.rpartition(":")[2].isdigit() or not entry.rpartition(":")[0]
    ]
    return found
