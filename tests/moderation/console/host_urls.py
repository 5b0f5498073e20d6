"""The URLconf of a host that signs people in itself."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [path("", include("moderation.urls"))]
