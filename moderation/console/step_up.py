"""Step-up: before what reaches far, a person shows once more that they are the one who signed in (OWASP ASVS 5, 7.5.3).

For whoever writes a view that reverses, exports, decides in bulk, publishes a policy or issues a key:

    @require_POST                       # or require_safe, require_http_methods
    @needs(BULK)                        # who may, at all
    @step_up                            # and has confirmed it lately; always the innermost of the three
    def bulk(request: DeskRequest) -> HttpResponse: ...

Nothing else is to be done. Within `STEP_UP_SECONDS` (15 minutes) of signing in, or of the last confirmation, the view
runs as if the decorator were not there. After that a GET leads to `guard:confirm` and back. A POST is answered with the
same question, which carries the posted fields along and sends them to the same address: nothing typed is lost. Files
cannot be carried, and the page says so. For a part of a page (htmx) the browser goes to the question and returns to the
page it was on; what was typed there is lost, so decorate the page that shows the form, too. Tests sign in with
`client.force_login`, which counts as signing in; `lapse(client)` in tests/moderation/console/pages.py ages it.

A host project keeps its own sign-in: there the password is checked by the host's backends, any `login()` of the host
counts, and `STEP_UP_SECONDS = 0` hands the whole matter to the host.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth import authenticate
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.http import require_http_methods
from django_htmx.http import HttpResponseClientRedirect

from moderation.conf import conf
from moderation.console.access import DeskRequest, signed_in
from moderation.services import second_factors
from moderation.services.second_factors import Answer

SESSION_KEY = "guard_confirmed_at"
PASSWORD, CODE, NAME = "step_up_password", "step_up_code", "step_up_name"  # of form fields
PAGE = "deepfake_guard/confirm.html"


def stamp(session: SessionBase) -> None:
    """The person has just shown who they are."""
    session[SESSION_KEY] = time.time()


def stamp_login(sender: Any, request: HttpRequest | None = None, **_: Any) -> None:  # noqa: ARG001
    """Receiver of `user_logged_in`, whoever signed the person in."""
    if request is not None and hasattr(request, "session"):
        stamp(request.session)


def is_recent(request: HttpRequest) -> bool:
    seconds = conf().STEP_UP_SECONDS
    return not seconds or 0 <= time.time() - request.session.get(SESSION_KEY, 0) < seconds


def step_up(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """See the top of this module."""

    @wraps(view)
    def guarded(request: DeskRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if is_recent(request):
            return view(request, *args, **kwargs)
        if request.htmx:
            return HttpResponseClientRedirect(_question(request.htmx.current_url_abs_path or ""))
        if request.method != "POST":
            return redirect(_question(request.get_full_path()))
        if PASSWORD in request.POST and confirmed(request):
            return view(request, *args, **kwargs)
        return ask(request, request.get_full_path(), carried=True)

    return guarded


def confirmed(request: DeskRequest) -> bool:
    """Whether password and, where there is one, second factor are this person's; then the session is stamped.

    Wrong passwords count as failed logins, wrong codes as failed second steps.
    """
    given = request.POST.get(PASSWORD, "").replace("\0", "")
    found = authenticate(request, username=request.user.get_username(), password=given)
    if found is None or found.pk != request.user.pk:
        return False
    if second_factors.factor_of(request.user) is not None:
        answer = second_factors.check(request.user, request.POST.get(CODE, "")[:40])
        if answer not in {Answer.RIGHT, Answer.RECOVERED}:
            return False
    stamp(request.session)
    return True


def ask(request: DeskRequest, target: str, *, carried: bool) -> HttpResponse:
    """The question. With `carried` its form goes to the view that asked, with all that had been posted to it."""
    own = {PASSWORD, CODE, NAME, "csrfmiddlewaretoken"}
    context = {
        "action": target if carried else reverse("guard:confirm"),
        "next": "" if carried else target,
        "fields": [(name, value) for name in request.POST if name not in own for value in request.POST.getlist(name)]
        if carried
        else [],
        "files_lost": carried and bool(request.FILES),
        "refused": PASSWORD in request.POST,
        "factor": second_factors.factor_of(request.user),
        "no_password": not request.user.has_usable_password(),
        "minutes": conf().STEP_UP_SECONDS // 60,
    }
    return render(request, PAGE, context, status=422 if context["refused"] else 403 if carried else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def confirm(request: DeskRequest) -> HttpResponse:
    """The question on a page of its own, and then back to where the person was going."""
    target = _own(request, request.POST.get("next") or request.GET.get("next", ""))
    if request.method == "POST" and confirmed(request):
        return HttpResponseRedirect(target)
    return ask(request, target, carried=False)


def _question(target: str) -> str:
    return f"{reverse('guard:confirm')}?{urlencode({'next': target})}"


def _own(request: HttpRequest, target: str) -> str:
    """Only addresses of this desk; anything else becomes the queue."""
    own = url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure())
    return target if target and own else reverse("guard:queue")
