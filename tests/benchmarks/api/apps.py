from __future__ import annotations

from django.apps import AppConfig

from moderation.api import uploads


class BareConfig(AppConfig):
    name = "tests.benchmarks.api"
    label = "bare"

    def ready(self) -> None:
        """The bare views are no addresses of uploads, whose bodies alone may be long."""
        uploads.ORDINARY_BODY = uploads.FORM_OVERHEAD + 10_000_000
