from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("moderation.urls")),
]
handler403 = "moderation.console.errors.forbidden"
handler404 = "moderation.console.errors.not_found"
handler500 = "moderation.console.errors.our_fault"
