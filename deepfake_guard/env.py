"""The environment, read once and typed. A missing or malformed variable stops the start and is named."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from environs import Env

from deepfake_guard.run.place import read_json
from moderation.conf import DEFAULT_BROKER

BASE_DIR = Path(__file__).resolve().parent.parent

env = Env()
VAR = Path(env.str("VAR", str(BASE_DIR / "var"))).resolve()


def broker_url() -> str:
    """`CELERY_BROKER_URL`, or that of the `make run` which runs on `VAR` now: owner's commands ring its bell."""
    kept = VAR / "broker" / "url"
    return env.str("CELERY_BROKER_URL", "") or (kept.read_text().strip() if kept.is_file() else DEFAULT_BROKER)


def webhooks_allowed() -> list[str]:
    """`DEEPFAKE_GUARD_WEBHOOK_ALLOWED`, and the receiver of the `make run` that runs on `VAR` now."""
    allowed: list[str] = env.list("DEEPFAKE_GUARD_WEBHOOK_ALLOWED", [])
    echo = urlsplit(read_json(VAR / "run.json").get("webhook_echo", "")).netloc
    return allowed if not echo or echo in allowed else [*allowed, echo]


def secret_key() -> str:
    """`SECRET_KEY`, or the file that `make run` made under `VAR`; there is no default."""
    key = env.str("SECRET_KEY", "")
    kept = VAR / "secret.key"
    if not key and kept.is_file():
        key = kept.read_text().strip()
    if len(key) < 32:
        raise ImproperlyConfigured(f"SECRET_KEY must have at least 32 characters (or lie in {kept}, as make run does)")
    return key
