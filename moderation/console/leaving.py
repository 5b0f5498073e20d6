"""Signing out gives back whatever the person held."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User

from moderation.services import leases


def give_back(sender: Any, user: User | None = None, **_: Any) -> None:  # noqa: ARG001
    """Receiver of `user_logged_out`; `user` is None where the session had ended already."""
    if user is not None:
        leases.release_all(user)
