from __future__ import annotations

from django.apps import AppConfig


class BareConfig(AppConfig):
    name = "tests.benchmarks.api"
    label = "bare"
