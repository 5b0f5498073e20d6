"""The settings dict `DEEPFAKE_GUARD`, typed, with its defaults: a host project sets only what differs."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, get_type_hints

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

DEFAULT_BROKER = "redis://127.0.0.1:6379/0"
HOST_PREFIX = "deepfake-guard-"
LISTED = list[str]
# B x decode limit < hard limit of a task < lease < the broker's visibility time-out (design.md §1)
HARD_LIMIT_SECONDS, VISIBILITY_SECONDS = 360, 600
TURN_SECONDS = 20  # of upkeep that goes on in its next turn; what must happen within seconds may wait behind it


@dataclass(frozen=True)
class Conf:
    """Sizes in bytes and pixels, times in seconds unless the name says otherwise."""

    BROKER_URL: str = ""
    BROKER_KEY_PREFIX: str | None = None
    DETECTOR: str = ""
    AUTHORISER: str = ""
    DEVICE: str = "auto"
    ARTEFACT: str | Path = ""
    FACES: str | Path = ""
    MAX_UPLOAD_BYTES: int = 50 * 1024 * 1024
    MAX_PIXELS: int = 64_000_000
    MAX_FRAMES: int = 2_000
    ALLOW_BMP_TIFF: bool = False
    SCAN_BATCH: int = 8
    DECODE_SECONDS: int = 20
    SCAN_LEASE_SECONDS: int = 420
    CASE_LEASE_SECONDS: int = 300
    CASE_DUE_HOURS: int = 24
    UNDO_SECONDS: int = 10
    ALERT_EMAILS: list[str] = field(default_factory=list)
    ALERT_WEBHOOK: str = ""
    STEP_UP_SECONDS: int = 900
    SECOND_FACTOR_REQUIRED: bool = False
    STORAGE_CEILING_BYTES: int = 0  # none
    CALLS_PER_MINUTE: int = 6000  # of each key; 0: any number
    DESK_BLUR: bool = True
    DESK_GREYSCALE: bool = False
    DESK_SMALL: bool = False
    DESK_MUTE: bool = True
    BREAK_MINUTES: int = 50  # 0: no reminder
    DAILY_CAP: int = 0  # none
    URL_SUBMISSIONS: bool = False
    URL_ALLOWED: list[str] = field(default_factory=list)
    EGRESS_PROXY: str = ""
    WEBHOOK_ALLOWED: list[str] = field(default_factory=list)  # host:port entries, though their address is private
    FERNET_KEYS: list[str] = field(default_factory=list)  # none: derived from SECRET_KEY
    AUDIT_KEY: str = ""  # the same


def conf() -> Conf:
    """Raises ImproperlyConfigured for a key that does not exist, and for a value of another type."""
    given = getattr(settings, "DEEPFAKE_GUARD", {})
    kinds = _kinds()
    if unknown := set(given) - set(kinds):
        raise ImproperlyConfigured(f"DEEPFAKE_GUARD has no setting {', '.join(sorted(unknown))}")
    if wrong := [f"{key} must be {_said(kinds[key])}" for key, value in given.items() if not _fits(value, kinds[key])]:
        raise ImproperlyConfigured(f"DEEPFAKE_GUARD: {', '.join(wrong)}")
    return Conf(**given)


@cache
def _kinds() -> dict[str, Any]:
    return get_type_hints(Conf)


def _fits(value: object, kind: Any) -> bool:
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == LISTED:  # a str has an `in` too, but of parts
        return isinstance(value, list | tuple) and all(isinstance(each, str) for each in value)
    return isinstance(value, kind)


def _said(kind: Any) -> str:
    return "a list of str" if kind == LISTED else getattr(kind, "__name__", str(kind))


def broker_url() -> str:
    """The guard's own, else the project's: both may use one server, told apart by the prefix."""
    given = getattr(settings, "DEEPFAKE_GUARD", {}).get("BROKER_URL")  # not by conf(): a misspelt key is for the checks
    return str(given or getattr(settings, "CELERY_BROKER_URL", "") or DEFAULT_BROKER)


def key_prefix() -> str:
    """Before every key in the broker; a host project's queues might have our queues' names."""
    given = getattr(settings, "DEEPFAKE_GUARD", {}).get("BROKER_KEY_PREFIX")
    return str(getattr(settings, "CELERY_KEY_PREFIX", HOST_PREFIX)) if given is None else given


def derived_key(purpose: str) -> bytes:
    """32 bytes for one purpose, from SECRET_KEY (HMAC-SHA-256): never in the database."""
    return hmac.new(settings.SECRET_KEY.encode(), b"deepfake-guard/" + purpose.encode(), hashlib.sha256).digest()


def fernet_keys() -> list[bytes]:
    """Newest first, as MultiFernet wants them; the one from SECRET_KEY last: it reads what came before the others."""
    derived = base64.urlsafe_b64encode(derived_key("webhook-secrets"))
    return [*(key.encode() for key in conf().FERNET_KEYS), derived]


def sealing() -> MultiFernet:
    """Encrypts secrets that must be read again, under the newest key."""
    return MultiFernet([Fernet(key) for key in fernet_keys()])


def audit_key() -> bytes:
    return conf().AUDIT_KEY.encode() or derived_key("audit-chain")
