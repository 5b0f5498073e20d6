"""System checks: misconfiguration is named at start, with an id (docs/settings.md lists them)."""

from __future__ import annotations

from typing import Any

from cryptography.fernet import Fernet
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured

from moderation.conf import Conf, conf

TASK_SECONDS, VISIBILITY_SECONDS = 360, 600  # of moderation.dispatch, which lies above this layer
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
NOT_NEGATIVE = ("UNDO_SECONDS", "STEP_UP_SECONDS", "STORAGE_CEILING_BYTES", "BREAK_MINUTES", "DAILY_CAP")


def register_all() -> None:
    register(check_settings, Tags.security)


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
    """Batch × decode limit < hard task limit < lease < visibility time-out (DESIGN §1)."""
    lease_fits = TASK_SECONDS < values.SCAN_LEASE_SECONDS < VISIBILITY_SECONDS or values.SCAN_LEASE_SECONDS <= 0
    if values.SCAN_BATCH * values.DECODE_SECONDS < TASK_SECONDS and lease_fits:
        return []
    text = (
        f"SCAN_BATCH × DECODE_SECONDS must stay under the task limit ({TASK_SECONDS} s), SCAN_LEASE_SECONDS between "
        f"it and the broker's visibility time-out ({VISIBILITY_SECONDS} s)"
    )
    return [Error(f"DEEPFAKE_GUARD: {text}", id="deepfake_guard.E003")]


def _webhooks(values: Conf) -> list[CheckMessage]:
    found: list[CheckMessage] = [
        Error(f"WEBHOOK_ALLOWED takes host:port entries, not {entry!r}", id="deepfake_guard.E004")
        for entry in values.WEBHOOK_ALLOWED
        if not entry.rpartition(":")[2].isdigit() or not entry.rpartition(":")[0]
    ]
    for number, key in enumerate(values.FERNET_KEYS, 1):
        try:
            Fernet(key)
        except ValueError:
            text = (
                f"FERNET_KEYS: entry {number} is not 32 url-safe base64-encoded bytes (Fernet.generate_key() makes one)"
            )
            found.append(Error(text, id="deepfake_guard.E005"))
    return found
