"""Everything the guard serves, and signing in: for a project that has no sign-in of its own."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from moderation import urls

app_name = urls.app_name
urlpatterns: list[URLPattern | URLResolver] = [
    *urls.urlpatterns,
    path("", include("moderation.console.own_login_urls")),
]
