"""Accounts: made, invited, shut and opened again."""

from __future__ import annotations

from collections.abc import Collection

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from moderation.models import FREE, Platform, ReviewCase
from moderation.services import audit, desk_sessions
from moderation.services.people.passwords import chosen_password
from moderation.services.people.reaching import SEE_EVERYTHING, take_reach
from moderation.services.people.refusals import UserExists, not_oneself
from moderation.services.people.roles import ensure_roles, take_role
from moderation.vocabulary import Role


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
    chosen = chosen_password(password, model(**{model.USERNAME_FIELD: username}))
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
def disable(user: User, *, actor: str = "system") -> bool:
    """No more logins, open sessions end, held cases go back to the queue. False when disabled already.

    Raises OwnAccount for oneself.
    """
    not_oneself(user, actor)
    if not get_user_model().objects.filter(pk=user.pk, is_active=True).update(is_active=False):
        return False
    desk_sessions.end_all(user, actor=actor)
    ReviewCase.objects.filter(holder=user).update(**FREE)
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


def _create(username: str, role: Role | str, password: str | None, platforms: Collection[Platform] | None) -> User:
    ensure_roles()
    wanted = Role(role)
    try:
        with transaction.atomic():
            user: User = get_user_model().objects.create_user(username, password=password)
    except IntegrityError as error:
        raise UserExists(username) from error
    take_role(user, wanted)
    take_reach(user, None if wanted in SEE_EVERYTHING else platforms)
    return user
