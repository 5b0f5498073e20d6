"""Signing in. Failures are counted by django-axes; the page names the cure and the tries that are left."""

from __future__ import annotations

import ipaddress
from typing import Any

from axes.handlers.proxy import AxesProxyHandler
from axes.helpers import get_cool_off
from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from deepfake_guard import __version__

PAGE = "deepfake_guard/login.html"


class SignIn(LoginView):
    template_name = PAGE
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_context_data(**kwargs), **about(self.request)}

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        tries = tries_left(self.request, form.cleaned_data.get("username", ""))
        context = self.get_context_data(form=form, tries_left=tries, pause_minutes=pause_minutes(self.request))
        return self.render_to_response(context, status=422)


class SignOut(LogoutView):
    next_page = "guard:login"


def locked_out(request: HttpRequest, _response: HttpResponse | None, _credentials: Any) -> HttpResponse:
    """Too many failures (settings.AXES_LOCKOUT_CALLABLE): says for how long, and who can help."""
    context = {"locked": True, "pause_minutes": pause_minutes(request), **about(request)}
    return render(request, PAGE, context, status=429)


def client_ip(request: HttpRequest) -> str | None:
    """Whose failures are counted together: an IPv4 address, or the /64 that one visitor has (RFC 6177)."""
    try:
        address = ipaddress.ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:  # a proxy's nonsense, or a Unix socket
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is None:
        return str(ipaddress.ip_network((address, 64), strict=False).network_address)
    return str(address)


def tries_left(request: HttpRequest, username: str) -> int:
    failures: int = AxesProxyHandler.get_failures(request, {"username": username})
    limit: int = settings.AXES_FAILURE_LIMIT
    return max(0, limit - failures)


def pause_minutes(request: HttpRequest) -> int:
    cool_off = get_cool_off(request)
    return max(1, round(cool_off.total_seconds() / 60)) if cool_off else 0


def about(request: HttpRequest) -> dict[str, Any]:
    return {
        "host": request.get_host(),
        "version": __version__,
        "username": request.POST.get("username", ""),
        "next": request.POST.get("next", request.GET.get("next", "")),
    }
