"""Why somebody's account is not touched."""

from __future__ import annotations

from django.contrib.auth.models import User


class UserExists(Exception):
    """The user name is taken."""


class OwnAccount(Exception):
    """Nobody changes their own role or shuts themselves out; so there is always an admin left."""


def not_oneself(user: User, actor: str) -> None:
    if actor == f"user:{user.pk}":
        raise OwnAccount(user.pk)
