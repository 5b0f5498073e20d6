"""Signing in: name and password, then the second factor of whoever has one. Failures are counted by django-axes, which
the project wires in its settings; nothing here imports it. The page names the cure and the tries that are left."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import get_user_model, login
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from deepfake_guard import __version__
from moderation.addresses import visitor_of
from moderation.console.zones import in_viewers_zone
from moderation.services import desk_sessions, second_factors
from moderation.services.second_factors import Answer

PAGE, STEP_PAGE = "deepfake_guard/login.html", "deepfake_guard/second_step.html"
HALF = "guard_half_signed_in"  # session key: the password was right, the second factor is still to come
HALF_SECONDS = 300


class SignIn(LoginView):
    template_name = PAGE
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_context_data(**kwargs), **about(self.request)}

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        user, target = form.get_user(), self.get_success_url()
        if second_factors.factor_of(user) is None:
            enter(self.request, user, user.backend)
            return HttpResponseRedirect(target)
        self.request.session.cycle_key()
        self.request.session[HALF] = {
            "user": str(user.pk),
            "backend": user.backend,
            "password": user.get_session_auth_hash(),
            "at": time.time(),
            "next": target,
        }
        return redirect("guard:second-step")

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        context = self.get_context_data(form=form, tries_left=tries_left(self.request), pause_minutes=pause_minutes())
        return self.render_to_response(context, status=422)


class SignOut(LogoutView):
    next_page = "guard:login"


@never_cache
@sensitive_post_parameters("code")
@require_http_methods(["GET", "HEAD", "POST"])
@in_viewers_zone
def second_step(request: HttpRequest) -> HttpResponse:
    """A code of the app, or a recovery code. Too late, or a password that changed meanwhile: back to the start."""
    half = request.session.get(HALF)
    user = _half_signed_in(half)
    if half is None or user is None:
        request.session.pop(HALF, None)
        return redirect(f"{reverse('guard:login')}{'?said=late' if half else ''}")
    if request.method != "POST":
        return render(request, STEP_PAGE, about(request))
    answer = second_factors.check(user, request.POST.get("code", "")[:40])
    if answer in {Answer.WRONG, Answer.PAUSED}:
        context = about(request) | {"answer": answer.value, "factor": second_factors.factor_of(user)}
        return render(request, STEP_PAGE, context, status=429 if answer is Answer.PAUSED else 422)
    del request.session[HALF]
    enter(request, user, half["backend"])
    if answer is Answer.RECOVERED:
        left = second_factors.recovery_codes_left(user)
        messages.warning(
            request,
            gettext("That recovery code is spent; %(left)s are left. Your profile makes new ones.") % {"left": left},
        )
    return HttpResponseRedirect(half["next"])


def _half_signed_in(half: dict[str, Any] | None) -> User | None:
    if half is None or not 0 <= time.time() - half["at"] < HALF_SECONDS:
        return None
    user: User | None = get_user_model().objects.filter(pk=half["user"], is_active=True).first()
    unchanged = user is not None and constant_time_compare(half["password"], user.get_session_auth_hash())
    return user if unchanged else None


def enter(request: HttpRequest, user: User, backend: str) -> None:
    """`login()` gives the session a new key, so one that was planted before is worth nothing."""
    login(request, user, backend=backend)
    desk_sessions.open_session(user, request.session, client_ip(request), request.headers.get("User-Agent", ""))


def locked_out(request: HttpRequest, _response: HttpResponse | None, _credentials: Any) -> HttpResponse:
    """Too many failures (settings.AXES_LOCKOUT_CALLABLE): says for how long, and who can help."""
    context = {"locked": True, "pause_minutes": pause_minutes(), **about(request)}
    return render(request, PAGE, context, status=429)


def client_ip(request: HttpRequest) -> str | None:
    """Whose failures are counted together."""
    return visitor_of(request.META.get("REMOTE_ADDR", ""))


def tries_left(request: HttpRequest) -> int | None:
    """None where nothing counts (system check deepfake_guard.W001)."""
    failures: int | None = getattr(request, "axes_failures_since_start", None)
    return None if failures is None else max(0, int(settings.AXES_FAILURE_LIMIT) - failures)


def pause_minutes() -> int:
    return max(1, round(float(getattr(settings, "AXES_COOLOFF_TIME", 0) or 0) * 60))


def about(request: HttpRequest) -> dict[str, Any]:
    return {
        "host": request.get_host(),
        "version": __version__,
        "username": request.POST.get("username", ""),
        "next": request.POST.get("next", request.GET.get("next", "")),
        "said": request.GET.get("said", ""),
    }
