"""Everything the guard serves in a project that signs people in itself; a host includes it where it likes."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from moderation.console import health

app_name = "guard"
urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("api/v1/", include("moderation.api.urls")),
    path("", include("moderation.console.urls")),
]
