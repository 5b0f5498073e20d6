"""People of the console: roles as Django groups, each with its permissions; `handle_illegal` belongs to nobody."""

from __future__ import annotations

import secrets

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission, User
from django.contrib.auth.password_validation import validate_password
from django.contrib.contenttypes.models import ContentType
from django.db import IntegrityError, transaction

from moderation.models import ReviewCase
from moderation.services import audit
from moderation.vocabulary import Role

PERMISSIONS = {
    "view_queue": "may see the queue, cases and statistics",
    "view_original": "may see pictures pixel for pixel",
    "decide": "may decide cases",
    "escalate": "may escalate a case",
    "reverse": "may reverse a settled decision and take escalated cases",
    "bulk": "may decide many cases at once",
    "export": "may take lists and figures out as files",
    "manage_policy": "may publish policy versions",
    "manage_people": "may add and disable people and change their roles",
    "manage_platform": "may manage platforms, keys and endpoints",
    "handle_illegal": "may handle cases marked as illegal",
}
LOOKS = frozenset({"view_queue", "view_original"})
ROLES: dict[Role, frozenset[str]] = {
    Role.MODERATOR: LOOKS | {"decide", "escalate"},
    Role.SENIOR: LOOKS | {"decide", "escalate", "reverse", "bulk", "export"},
    Role.POLICY_EDITOR: frozenset({"view_queue", "manage_policy"}),
    Role.AUDITOR: LOOKS | {"export"},
    Role.ADMIN: frozenset(PERMISSIONS) - {"handle_illegal"},
}


class UserExists(Exception):
    """The user name is taken."""


@transaction.atomic
def ensure_roles() -> None:
    """Makes groups and permissions what this file says; granting `handle_illegal` to a person is left untouched."""
    kind = ContentType.objects.get_for_model(ReviewCase)
    permissions = {
        codename: Permission.objects.get_or_create(content_type=kind, codename=codename, defaults={"name": name})[0]
        for codename, name in PERMISSIONS.items()
    }
    for role, codenames in ROLES.items():
        group, _ = Group.objects.get_or_create(name=role.value)
        group.permissions.set([permissions[codename] for codename in codenames])


@transaction.atomic
def create_user(
    username: str, role: Role | str, password: str | None = None, *, actor: str = "system"
) -> tuple[User, str]:
    """A person with one role; without a password one of 20 characters is drawn. Returns the password to show once.

    Admins and auditors may also read the mirrors under /admin/. Raises UserExists, ValueError for an unknown role,
    ValidationError for a weak password.
    """
    ensure_roles()
    wanted = Role(role)
    chosen = _password(password, User(username=username))
    try:
        with transaction.atomic():
            user = get_user_model().objects.create_user(username, password=chosen)
    except IntegrityError as error:
        raise UserExists(username) from error
    _take_role(user, wanted)
    audit.note("user.created", actor, f"user:{user.pk}", role=wanted)
    return user, chosen


@transaction.atomic
def set_role(user: User, role: Role | str, *, actor: str) -> None:
    """Replaces the person's role. Raises ValueError for an unknown one."""
    ensure_roles()
    wanted = Role(role)
    _take_role(user, wanted)
    audit.note("user.role_set", actor, f"user:{user.pk}", role=wanted)


@transaction.atomic
def reset_password(user: User, password: str | None = None, *, actor: str = "system") -> str:
    """Sets a new password, drawn when none is given, and returns it; the session key change ends open sessions."""
    chosen = _password(password, user)
    user.set_password(chosen)
    user.save(update_fields=["password"])
    audit.note("user.password_reset", actor, f"user:{user.pk}")
    return chosen


@transaction.atomic
def disable(user: User, *, actor: str = "system") -> bool:
    """No more logins, open sessions end, held cases go back to the queue. False when disabled already."""
    if not User.objects.filter(pk=user.pk, is_active=True).update(is_active=False):
        return False
    ReviewCase.objects.filter(holder=user).update(holder=None, lease_token=None, lease_until=None)
    audit.note("user.disabled", actor, f"user:{user.pk}")
    return True


@transaction.atomic
def enable(user: User, *, actor: str = "system") -> bool:
    """Lets a disabled person in again, with the old role and password. False when not disabled."""
    if not User.objects.filter(pk=user.pk, is_active=False).update(is_active=True):
        return False
    audit.note("user.enabled", actor, f"user:{user.pk}")
    return True


def _take_role(user: User, role: Role) -> None:
    others = Group.objects.filter(name__in=[other.value for other in Role]).exclude(name=role.value)
    user.groups.remove(*others)
    user.groups.add(Group.objects.get(name=role.value))
    user.is_staff = role in (Role.ADMIN, Role.AUDITOR)  # opens the read-only mirrors, nothing else
    user.save(update_fields=["is_staff"])


def _password(given: str | None, user: User | None = None) -> str:
    if given is None:
        return secrets.token_urlsafe(15)
    validate_password(given, user)
    return given
