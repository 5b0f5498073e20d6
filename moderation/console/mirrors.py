"""Where the mirrors of `moderation.admin` hang in a project of the guard's own: behind the door of the desk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseBase

from moderation.console.access import DeskRequest, signed_in


class Mirrors(AdminSite):
    site_header = "deepfake-guard: mirrors for support"
    site_title = "deepfake-guard"
    index_title = "What is in the tables, read only"

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """As any page of the desk: strangers sign in, and who must set up a second factor does that first."""
        mirror: Callable[..., HttpResponseBase] = super().admin_view(view, cacheable)

        def guarded(request: DeskRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not self.has_permission(request):  # the admin would send them to the login, which sends them back
                raise PermissionDenied
            return mirror(request, *args, **kwargs)

        return signed_in(guarded)
