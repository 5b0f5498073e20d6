from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

# here, not in the app's admin.py: a site that installs the app keeps the names of its own
admin.site.site_header = "deepfake-guard: mirrors for support"
admin.site.site_title = "deepfake-guard"
admin.site.index_title = "What is in the tables, read only"

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
