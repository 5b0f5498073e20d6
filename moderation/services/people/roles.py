"""Roles as Django groups, each with its permissions; `handle_illegal` belongs to nobody until given by name."""

from __future__ import annotations

from django.contrib.auth.models import Group, User
from django.contrib.auth.models import Permission as Row
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.urls import NoReverseMatch, reverse

from moderation.models import ReviewCase
from moderation.services import audit
from moderation.services.people.reaching import SEE_EVERYTHING, take_reach
from moderation.services.people.refusals import not_oneself
from moderation.vocabulary import Permission, Role

PERMISSIONS: dict[Permission, str] = {
    Permission.VIEW: "may see the queue, cases and statistics",
    Permission.VIEW_ORIGINAL: "may see pictures pixel for pixel",
    Permission.DECIDE: "may decide cases",
    Permission.ESCALATE: "may escalate a case",
    Permission.REVERSE: "may reverse a settled decision and take escalated cases",
    Permission.BULK: "may decide many cases at once",
    Permission.EXPORT: "may take lists and figures out as files",
    Permission.MANAGE_POLICY: "may publish policy versions",
    Permission.MANAGE_PEOPLE: "may add and disable people and change their roles",
    Permission.MANAGE_PLATFORM: "may manage platforms, keys and endpoints",
    Permission.HANDLE_ILLEGAL: "may handle cases marked as illegal",
}
LOOKS = frozenset({Permission.VIEW, Permission.VIEW_ORIGINAL})
ROLES: dict[Role, frozenset[Permission]] = {
    Role.MODERATOR: LOOKS | {Permission.DECIDE, Permission.ESCALATE},
    Role.SENIOR: LOOKS
    | {Permission.DECIDE, Permission.ESCALATE, Permission.REVERSE, Permission.BULK, Permission.EXPORT},
    Role.POLICY_EDITOR: frozenset({Permission.VIEW, Permission.MANAGE_POLICY}),
    Role.AUDITOR: LOOKS | {Permission.EXPORT},
    Role.ADMIN: frozenset(PERMISSIONS) - {Permission.HANDLE_ILLEGAL},
}


@transaction.atomic
def ensure_roles() -> None:
    """Makes groups and permissions what this file says; granting `handle_illegal` to a person is left untouched."""
    kind = ContentType.objects.get_for_model(ReviewCase)
    permissions = {
        each: Row.objects.get_or_create(content_type=kind, codename=each.codename, defaults={"name": name})[0]
        for each, name in PERMISSIONS.items()
    }
    for role, given in ROLES.items():
        group, _ = Group.objects.get_or_create(name=role.value)
        group.permissions.set([permissions[each] for each in given])


@transaction.atomic
def set_role(user: User, role: Role | str, *, actor: str) -> None:
    """Replaces the person's role. Raises ValueError for an unknown one, OwnAccount for one's own."""
    not_oneself(user, actor)
    ensure_roles()
    wanted = Role(role)
    take_role(user, wanted)
    if wanted in SEE_EVERYTHING:
        take_reach(user, None)
    audit.note("user.role_set", actor, f"user:{user.pk}", role=wanted)


@transaction.atomic
def trust_with_illegal(user: User, trusted: bool, *, actor: str) -> None:
    """`handle_illegal` is given to a person by name, never to a role. Raises OwnAccount for giving it to oneself."""
    if trusted:
        not_oneself(user, actor)
    ensure_roles()
    permission = Row.objects.get(codename=Permission.HANDLE_ILLEGAL.codename, content_type__app_label="deepfake_guard")
    (user.user_permissions.add if trusted else user.user_permissions.remove)(permission)
    audit.note("user.trusted_with_illegal", actor, f"user:{user.pk}", trusted=trusted)


def is_trusted_with_illegal(user: User) -> bool:
    given = user.user_permissions.filter(codename=Permission.HANDLE_ILLEGAL.codename)
    return given.filter(content_type__app_label="deepfake_guard").exists()


def role_of(user: User) -> Role | None:
    names = {group.name for group in user.groups.all()}
    return next((role for role in Role if role.value in names), None)


def take_role(user: User, role: Role) -> None:
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
