"""Passwords: chosen by the person, or drawn and shown once."""

from __future__ import annotations

import secrets

from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.db import transaction

from moderation.services import audit, desk_sessions


@transaction.atomic
def reset_password(user: User, password: str | None = None, *, actor: str = "system") -> str:
    """Sets a new password, drawn when none is given, and returns it; the session key change ends open sessions."""
    chosen = chosen_password(password, user)
    user.set_password(chosen)
    user.save(update_fields=["password"])
    desk_sessions.end_all(user, actor=actor)
    audit.note("user.password_reset", actor, f"user:{user.pk}")
    return chosen


@transaction.atomic
def chose_password(user: User, *, keep: str | None = None) -> None:
    """The person has set a password of their own: every other session ends but the one with the key `keep`."""
    desk_sessions.end_all(user, actor=f"user:{user.pk}", but=keep)
    audit.note("user.password_chosen", f"user:{user.pk}", f"user:{user.pk}")


def note_link(user: User, *, actor: str) -> None:
    """Somebody is about to see a link with which this person can set a password."""
    audit.note("user.link_made", actor, f"user:{user.pk}")


def chosen_password(given: str | None, user: User | None = None) -> str:
    if given is None:
        return secrets.token_urlsafe(15)
    validate_password(given, user)
    return given
