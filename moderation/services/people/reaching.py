"""Which platforms a person sees."""

from __future__ import annotations

from collections.abc import Collection

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext

from moderation import reach
from moderation.models import FREE, Platform, Reach, ReviewCase
from moderation.services import audit
from moderation.vocabulary import Role

SEE_EVERYTHING = (Role.AUDITOR, Role.ADMIN)  # whoever reads or runs all of it cannot be kept to some platforms


@transaction.atomic
def set_reach(user: User, platforms: Collection[Platform] | None, *, actor: str) -> None:
    """Which platforms the person sees; None: all. What they hold elsewhere goes back to the queue.

    Raises ValueError for an admin or auditor, who see everything.
    """
    if platforms is not None and (role := sees_everything(user)) is not None:
        raise ValueError(gettext("the role %(role)s sees all platforms") % {"role": role})
    take_reach(user, platforms)
    if platforms is not None:
        elsewhere = ReviewCase.objects.filter(holder=user).exclude(item__platform__in=platforms)
        elsewhere.update(**FREE)
    seen = "all" if platforms is None else sorted(str(platform.pk) for platform in platforms)
    audit.note("user.platforms_set", actor, f"user:{user.pk}", platforms=seen)


def platforms_of(user: User) -> list[Platform]:
    """Those that are assigned by name; empty for who sees all."""
    return list(Platform.objects.filter(people__user=user).order_by("name"))


def sees_everything(user: User) -> Role | None:
    """The role that does, if it is the person's."""
    names = {group.name for group in user.groups.all()}
    return next((role for role in SEE_EVERYTHING if role.value in names), None)


def take_reach(user: User, platforms: Collection[Platform] | None) -> None:
    kept, _ = Reach.objects.update_or_create(user=user, defaults={"all_platforms": platforms is None})
    kept.platforms.set(platforms or ())
    reach.forget(user)
