"""One's own account: role and platforms, password, second factor, and the browsers that are signed in."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.forms import PasswordChangeForm
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from moderation import queries
from moderation.console.access import DeskRequest, signed_in
from moderation.reach import seen_by
from moderation.services import desk_sessions, people, second_factors


@require_safe
@signed_in
def profile(request: DeskRequest) -> HttpResponse:
    context = {
        "seen": seen_by(request.user),
        "platforms": queries.platforms_seen_by(request.user),
        "factor": second_factors.factor_of(request.user),
        "codes_left": second_factors.recovery_codes_left(request.user),
        "sessions": desk_sessions.sessions_of(request.user),
        "this_key": request.session.session_key,
    }
    return render(request, "deepfake_guard/profile.html", context)


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def password(request: DeskRequest) -> HttpResponse:
    """Asks for the old one, which is step-up enough; all other browsers are signed out."""
    form = PasswordChangeForm(request.user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        form.save()
        old_key = request.session.session_key
        update_session_auth_hash(request, form.user)
        desk_sessions.moved(old_key, request.session)
        people.chose_password(request.user, keep=request.session.session_key)
        messages.info(request, gettext("Your password is changed. All other browsers were signed out."))
        return redirect("guard:profile")
    status = 422 if request.method == "POST" else 200
    return render(request, "deepfake_guard/password.html", {"form": form}, status=status)


@require_POST
@signed_in
def end_session(request: DeskRequest, session_id: uuid.UUID) -> HttpResponse:
    if not desk_sessions.end(request.user, session_id, actor=f"user:{request.user.pk}"):
        raise Http404(gettext("This session has ended already, or it is somebody else's."))
    messages.info(request, gettext("That browser is signed out."))
    return redirect("guard:profile")


@require_POST
@signed_in
def end_other_sessions(request: DeskRequest) -> HttpResponse:
    ended = desk_sessions.end_all(request.user, actor=f"user:{request.user.pk}", but=request.session.session_key)
    messages.info(request, gettext("Signed out elsewhere: %(ended)s.") % {"ended": ended})
    return redirect("guard:profile")
