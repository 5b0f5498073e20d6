"""Who may open a page: signed in, with the permission of their role, and of a platform that was assigned to them."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect, resolve_url
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from moderation import authority
from moderation.authority import may
from moderation.conf import conf
from moderation.console.zones import in_viewers_zone
from moderation.reach import reaches
from moderation.services import desk_sessions, second_factors
from moderation.vocabulary import Permission


class DeskRequest(HttpRequest):
    """What a view behind `needs` or `signed_in` gets."""

    user: User
    htmx: HtmxDetails


View = Callable[..., HttpResponseBase]

VIEW, VIEW_ORIGINAL = Permission.VIEW, Permission.VIEW_ORIGINAL
DECIDE, ESCALATE, REVERSE = Permission.DECIDE, Permission.ESCALATE, Permission.REVERSE
BULK, EXPORT = Permission.BULK, Permission.EXPORT
MANAGE_POLICY, MANAGE_PEOPLE = Permission.MANAGE_POLICY, Permission.MANAGE_PEOPLE
MANAGE_PLATFORM, HANDLE_ILLEGAL = Permission.MANAGE_PLATFORM, Permission.HANDLE_ILLEGAL

SETTING_UP = {"second-factor", "second-factor-begin", "second-factor-confirm", "confirm"}


def needs(permission: str) -> Callable[[View], View]:
    """Strangers are sent to the login and back; people without the permission get the page that says so (403).

    What belongs to a platform that the person does not look after does not exist for them (404): the first argument
    of the address says what the page is about (`moderation.reach.SUBJECTS`). Lists filter by `moderation.reach.sees`.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not may(request.user, permission):
                raise PermissionDenied(permission)
            if not reaches(request.user, kwargs):
                raise Http404(gettext("This does not exist, or it is of a platform that is not yours to look after."))
            if authority.rule_for(request.user) is not None and not reaches(request.user, kwargs, permission):
                raise PermissionDenied(permission)
            return view(request, *args, **kwargs)

        return signed_in(guarded)

    return decorate


def signed_in(view: View) -> View:
    """For what every person of the desk may open. Views behind a permission use `needs`."""

    @wraps(view)
    def guarded(request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not hasattr(request, "htmx"):  # a host need not install django-htmx's middleware for us
            request.htmx = HtmxDetails(request)
        if not request.user.is_authenticated:
            login = resolve_url(settings.LOGIN_URL)  # a host's own, where the guard lives in a host
            if request.htmx:
                to_login = redirect_to_login(request.htmx.current_url_abs_path or "", login)
                return HttpResponseClientRedirect(to_login.url)
            return redirect_to_login(request.get_full_path() if request.method == "GET" else "", login)
        if _must_set_up_second_factor(request):
            return redirect("guard:second-factor")
        desk_sessions.touch(request.session)
        answer = in_viewers_zone(view)(request, *args, **kwargs)
        answer.headers.setdefault("Cache-Control", "private, no-store")  # what is gone must not come back by Back
        return answer

    return guarded


def _must_set_up_second_factor(request: Any) -> bool:
    """Where the owner wants one of everybody; the pages that set it up stay open."""
    wanted = conf().SECOND_FACTOR_REQUIRED and has_own_login()
    if not wanted or request.resolver_match.url_name in SETTING_UP:
        return False
    return second_factors.factor_of(request.user) is None  # asked anew: it may be dropped, in another browser as well


def has_own_login() -> bool:
    """Whether the project serves the guard's own sign-in (`moderation.urls_with_login`), or has one itself."""
    try:
        reverse("guard:login")
    except NoReverseMatch:
        return False
    return True
