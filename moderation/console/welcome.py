"""The link that an admin hands over: its person chooses a password, which nobody else ever knows.

It counts once, for three days: Django's reset token dies with the password and the last login it was made for.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.models import User
from django.contrib.auth.tokens import default_token_generator
from django.contrib.auth.views import PasswordResetConfirmView
from django.http import HttpRequest, HttpResponse
from django.urls import reverse, reverse_lazy
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from moderation.services import people


def link_for(request: HttpRequest, user: User) -> str:
    """The whole address, to be shown once."""
    token = default_token_generator.make_token(user)
    path = reverse("guard:welcome", args=[urlsafe_base64_encode(force_bytes(user.pk)), token])
    return request.build_absolute_uri(path)


class Welcome(PasswordResetConfirmView):
    """The token moves from the address into the session at once, so no Referer carries it on."""

    template_name = "deepfake_guard/welcome.html"
    success_url = reverse_lazy("guard:login")

    def form_valid(self, form: SetPasswordForm[Any]) -> HttpResponse:
        answer = super().form_valid(form)
        people.chose_password(form.user)
        answer["Location"] = f"{self.success_url}?said=set"
        return answer

    def form_invalid(self, form: SetPasswordForm[Any]) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=422)
