"""Who may open a page: signed in, and with the permission of their role."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails


class DeskRequest(HttpRequest):
    """What a view behind `needs` gets."""

    user: User
    htmx: HtmxDetails


VIEW, DECIDE = "deepfake_guard.view_queue", "deepfake_guard.decide"
ESCALATE = "deepfake_guard.escalate"


def needs(permission: str) -> Callable[[Callable[..., HttpResponseBase]], Callable[..., HttpResponseBase]]:
    """Strangers are sent to the login and back; people without the permission get the page that says so (403)."""

    def decorate(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def guarded(request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                if request.htmx:
                    return HttpResponseClientRedirect(reverse("guard:login"))
                return redirect_to_login(request.get_full_path() if request.method == "GET" else "", "guard:login")
            if not request.user.has_perm(permission):
                raise PermissionDenied(permission)
            answer = view(request, *args, **kwargs)
            answer.headers.setdefault("Cache-Control", "private, no-store")  # what is gone must not come back by Back
            return answer

        return guarded

    return decorate
