"""Setting up an authenticator app, drawing recovery codes, doing without."""

from __future__ import annotations

import segno
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from moderation.conf import conf
from moderation.console.access import DeskRequest, signed_in
from moderation.console.step_up import step_up
from moderation.models import SecondFactor
from moderation.services import second_factors

PAGE, CODES_PAGE = "deepfake_guard/second_factor.html", "deepfake_guard/recovery_codes.html"


def _page(request: DeskRequest, *, wrong: bool = False) -> HttpResponse:
    begun = second_factors.begun(request.user)
    context = {
        "factor": second_factors.factor_of(request.user),
        "codes_left": second_factors.recovery_codes_left(request.user),
        "qr": _qr(begun, request.get_host()) if begun else "",
        "typed": second_factors.typed_secret(begun) if begun else "",
        "wrong": wrong,
        "required": conf().SECOND_FACTOR_REQUIRED,
    }
    return render(request, PAGE, context, status=422 if wrong else 200)


def _qr(factor: SecondFactor, host: str) -> SafeString:
    """The address as a picture, dark on white in both themes, because cameras want that."""
    code = segno.make(second_factors.address(factor, host), error="m", micro=False)
    drawn = code.svg_inline(border=4, light="#fff", dark="#000", svgclass="qr", lineclass=None, omitsize=True)
    return mark_safe(drawn)  # noqa: S308  segno's own markup; the text is only in the picture


@require_safe
@signed_in
@step_up
def second_factor(request: DeskRequest) -> HttpResponse:
    return _page(request)


@require_POST
@signed_in
@step_up
def begin(request: DeskRequest) -> HttpResponse:
    if second_factors.factor_of(request.user) is None:
        second_factors.begin(request.user)
    return redirect("guard:second-factor")


@sensitive_post_parameters("code")
@require_POST
@signed_in
@step_up
def confirm(request: DeskRequest) -> HttpResponse:
    """The recovery codes stand in the answer, this once."""
    codes = second_factors.confirm(request.user, request.POST.get("code", "")[:40])
    if codes is None:
        return _page(request, wrong=True)
    return render(request, CODES_PAGE, {"codes": codes, "first": True})


@require_POST
@signed_in
@step_up
def new_codes(request: DeskRequest) -> HttpResponse:
    if second_factors.factor_of(request.user) is None:
        return redirect("guard:second-factor")
    return render(request, CODES_PAGE, {"codes": second_factors.new_recovery_codes(request.user)})


@require_POST
@signed_in
@step_up
def drop(request: DeskRequest) -> HttpResponse:
    if second_factors.drop(request.user, actor=f"user:{request.user.pk}"):
        messages.warning(request, gettext("From now on your password alone signs you in."))
    return redirect("guard:profile")
