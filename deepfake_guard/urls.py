from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    # the admin's own forms would be a way round the second factor and the audit trail
    path("admin/login/", RedirectView.as_view(pattern_name="guard:login", query_string=True)),
    path("admin/password_change/", RedirectView.as_view(pattern_name="guard:password")),
    path("admin/", admin.site.urls),
    path("", include("moderation.urls_with_login")),
]
handler403 = "moderation.console.errors.forbidden"
handler404 = "moderation.console.errors.not_found"
handler500 = "moderation.console.errors.our_fault"
