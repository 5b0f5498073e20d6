"""People of the console: roles as Django groups, each with its permissions; `handle_illegal` belongs to nobody."""

from __future__ import annotations

import secrets
from collections.abc import Collection

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission, User
from django.contrib.auth.password_validation import validate_password
from django.contrib.contenttypes.models import ContentType
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.urls import NoReverseMatch, reverse

from moderation import reach
from moderation.models import Platform, Reach, ReviewCase
from moderation.services import audit, desk_sessions
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
SEE_EVERYTHING = (Role.AUDITOR, Role.ADMIN)  # whoever reads or runs all of it cannot be kept to some platforms


class UserExists(Exception):
    """The user name is taken."""


class OwnAccount(Exception):
    """Nobody changes their own role or shuts themselves out; so there is always an admin left."""


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


def account_named(username: str) -> User | None:
    """By whatever the project's accounts go by: a user name, an e-mail address."""
    accounts = get_user_model().objects
    found: User | None = accounts.filter(**{accounts.model.USERNAME_FIELD: username}).first()
    return found


def everybody() -> QuerySet[User]:
    """Whoever has a role at this desk, by name; of a host's users only those, and nobody of a platform's own desk."""
    of_the_desk = get_user_model().objects.filter(groups__name__in=[role.value for role in Role]).distinct()
    of_the_desk = of_the_desk.filter(guard_api_moderator=None)
    by_name = of_the_desk.model.USERNAME_FIELD
    return of_the_desk.prefetch_related("groups", "guard_reach__platforms").order_by(by_name)


@transaction.atomic
def create_user(
    username: str,
    role: Role | str,
    password: str | None = None,
    *,
    platforms: Collection[Platform] | None = None,
    actor: str = "system",
) -> tuple[User, str]:
    """A person with one role; without a password one of 20 characters is drawn. Returns the password to show once.

    They see `platforms`, or all of them when None. Admins and auditors always see all, and may also read the mirrors
    under /admin/. Raises UserExists, ValueError for an unknown role, ValidationError for a weak password.
    """
    model = get_user_model()
    chosen = _password(password, model(**{model.USERNAME_FIELD: username}))
    user = _create(username, role, chosen, platforms)
    audit.note("user.created", actor, f"user:{user.pk}", role=Role(role))
    return user, chosen


@transaction.atomic
def invite(
    username: str, full_name: str, role: Role | str, platforms: Collection[Platform] | None, *, actor: str
) -> User:
    """A person without a password, who sets one through the link that the console shows once.

    Raises UserExists, ValueError for an unknown role, ValidationError for a name that is none.
    """
    user = _create(username, role, None, platforms)
    user.first_name, _, user.last_name = full_name.strip().partition(" ")
    user.clean_fields(exclude=["password"])
    user.save(update_fields=["first_name", "last_name"])
    audit.note("user.invited", actor, f"user:{user.pk}", role=Role(role))
    return user


@transaction.atomic
def add_stand_in(name: str, role: Role, platform: Platform, *, actor: str) -> User:
    """Somebody at a platform's own desk, who never signs in: the name need not be one by the rules of the project's
    accounts, which may be e-mail addresses. Raises UserExists."""
    user = _create(name, role, None, [platform])
    audit.note("user.invited", actor, f"user:{user.pk}", role=role)
    return user


@transaction.atomic
def set_role(user: User, role: Role | str, *, actor: str) -> None:
    """Replaces the person's role. Raises ValueError for an unknown one, OwnAccount for one's own."""
    _not_oneself(user, actor)
    ensure_roles()
    wanted = Role(role)
    _take_role(user, wanted)
    if wanted in SEE_EVERYTHING:
        _take_reach(user, None)
    audit.note("user.role_set", actor, f"user:{user.pk}", role=wanted)


@transaction.atomic
def set_reach(user: User, platforms: Collection[Platform] | None, *, actor: str) -> None:
    """Which platforms the person sees; None: all. What they hold elsewhere goes back to the queue.

    Raises ValueError for an admin or auditor, who see everything.
    """
    if platforms is not None and role_of(user) in SEE_EVERYTHING:
        raise ValueError(f"the role {role_of(user)} sees all platforms")
    _take_reach(user, platforms)
    if platforms is not None:
        elsewhere = ReviewCase.objects.filter(holder=user).exclude(item__platform__in=platforms)
        elsewhere.update(holder=None, lease_token=None, lease_until=None)
    seen = "all" if platforms is None else sorted(str(platform.pk) for platform in platforms)
    audit.note("user.platforms_set", actor, f"user:{user.pk}", platforms=seen)


@transaction.atomic
def trust_with_illegal(user: User, trusted: bool, *, actor: str) -> None:
    """`handle_illegal` is given to a person by name, never to a role. Raises OwnAccount for giving it to oneself."""
    if trusted:
        _not_oneself(user, actor)
    ensure_roles()
    permission = Permission.objects.get(codename="handle_illegal", content_type__app_label="deepfake_guard")
    (user.user_permissions.add if trusted else user.user_permissions.remove)(permission)
    audit.note("user.trusted_with_illegal", actor, f"user:{user.pk}", trusted=trusted)


def is_trusted_with_illegal(user: User) -> bool:
    return user.user_permissions.filter(codename="handle_illegal", content_type__app_label="deepfake_guard").exists()


@transaction.atomic
def reset_password(user: User, password: str | None = None, *, actor: str = "system") -> str:
    """Sets a new password, drawn when none is given, and returns it; the session key change ends open sessions."""
    chosen = _password(password, user)
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


@transaction.atomic
def disable(user: User, *, actor: str = "system") -> bool:
    """No more logins, open sessions end, held cases go back to the queue. False when disabled already.

    Raises OwnAccount for oneself.
    """
    _not_oneself(user, actor)
    if not get_user_model().objects.filter(pk=user.pk, is_active=True).update(is_active=False):
        return False
    desk_sessions.end_all(user, actor=actor)
    ReviewCase.objects.filter(holder=user).update(holder=None, lease_token=None, lease_until=None)
    audit.note("user.disabled", actor, f"user:{user.pk}")
    return True


@transaction.atomic
def enable(user: User, *, actor: str = "system") -> bool:
    """Lets a disabled person in again, with the old role and password. False when not disabled."""
    if not get_user_model().objects.filter(pk=user.pk, is_active=False).update(is_active=True):
        return False
    audit.note("user.enabled", actor, f"user:{user.pk}")
    return True


def name_of(user: User) -> str:
    """As people know each other; a host's user model need not have a full name."""
    full = user.get_full_name() if hasattr(user, "get_full_name") else ""
    return full or user.get_username()


def role_of(user: User) -> Role | None:
    names = {group.name for group in user.groups.all()}
    return next((role for role in Role if role.value in names), None)


def platforms_of(user: User) -> list[Platform]:
    """Those that are assigned by name; empty for who sees all."""
    return list(Platform.objects.filter(people__user=user).order_by("name"))


def _create(username: str, role: Role | str, password: str | None, platforms: Collection[Platform] | None) -> User:
    ensure_roles()
    wanted = Role(role)
    try:
        with transaction.atomic():
            user: User = get_user_model().objects.create_user(username, password=password)
    except IntegrityError as error:
        raise UserExists(username) from error
    _take_role(user, wanted)
    _take_reach(user, None if wanted in SEE_EVERYTHING else platforms)
    return user


def _take_role(user: User, role: Role) -> None:
    others = Group.objects.filter(name__in=[other.value for other in Role]).exclude(name=role.value)
    user.groups.remove(*others)
    user.groups.add(Group.objects.get(name=role.value))
    if _accounts_are_ours():
        user.is_staff = role in SEE_EVERYTHING  # opens the read-only mirrors, nothing else
        user.save(update_fields=["is_staff"])


def _accounts_are_ours() -> bool:
    """Whether the guard's own sign-in is served; in a host project it is for the host to say who is staff."""
    try:
        reverse("guard:login")
    except NoReverseMatch:
        return False
    return True


def _take_reach(user: User, platforms: Collection[Platform] | None) -> None:
    kept, _ = Reach.objects.update_or_create(user=user, defaults={"all_platforms": platforms is None})
    kept.platforms.set(platforms or ())
    reach.forget(user)


def _not_oneself(user: User, actor: str) -> None:
    if actor == f"user:{user.pk}":
        raise OwnAccount(user.pk)


def _password(given: str | None, user: User | None = None) -> str:
    if given is None:
        return secrets.token_urlsafe(15)
    validate_password(given, user)
    return given
