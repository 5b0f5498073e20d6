"""The measured server's settings: the guard's own, with the bare view beside it."""

from __future__ import annotations

from deepfake_guard.env import VAR
from deepfake_guard.settings import *  # noqa: F403
from deepfake_guard.settings import INSTALLED_APPS as APPS
from deepfake_guard.settings import STORAGES as GUARDS

INSTALLED_APPS = [*APPS, "tests.benchmarks.api.apps.BareConfig"]
ROOT_URLCONF = "tests.benchmarks.api.bare_urls"
STORAGES = {
    **GUARDS,
    "bare": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(VAR / "bare"), "base_url": None, "file_permissions_mode": 0o600},
    },
}
