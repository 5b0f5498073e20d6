"""People at a platform's own desk: named by its key, stored under a pseudonym, bound by the rules for everybody else.

Why they are rows of the user table: docs/decisions/0016-people-behind-a-key.md.
"""

from __future__ import annotations

import uuid

from django.contrib.auth.models import User
from django.db import transaction

from moderation.models import ApiModerator, Platform, ReviewCase
from moderation.services import people, platforms
from moderation.vocabulary import Role


class NotAdmitted(Exception):
    """Somebody who runs the guard has shut this person out."""


@transaction.atomic
def person_behind(platform: Platform, moderator_ref: str, *, senior: bool, actor: str) -> User:
    """Always the same user for the same reference; made, without a password, where it is new. Raises NotAdmitted."""
    digest = platforms.author_digest(platform, f"moderator\0{moderator_ref}")  # apart from authors and reporters
    role = Role.SENIOR if senior else Role.MODERATOR
    known = ApiModerator.objects.select_related("user").filter(platform=platform, digest=digest)
    found = known.first()
    if found is None:
        try:
            user = people.add_stand_in(f"desk-{digest[:24]}", role, platform, actor=actor)
            found = ApiModerator.objects.create(user=user, platform=platform, digest=digest)
        except people.UserExists:  # named for the first time by two requests at once
            found = known.get()
    if not found.user.is_active:
        raise NotAdmitted(found.pk)
    if people.role_of(found.user) is not role:
        people.set_role(found.user, role, actor=actor)
    return found.user


def holder(platform: Platform, case: ReviewCase, token: uuid.UUID) -> User | None:
    """Who of the platform's own desk holds the case under this token."""
    found = ApiModerator.objects.select_related("user").filter(
        platform=platform, user__held_cases=case.pk, user__held_cases__lease_token=token
    )
    moderator = found.first()
    return moderator.user if moderator else None
