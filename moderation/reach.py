"""Tenancy: a person sees the platforms that were assigned to them, and nothing of the others (docs/console.md)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Model, Q

from moderation.models import Batch, ContentItem, Decision, Derivative, Platform, Reach, ReviewCase

Person = AbstractBaseUser | AnonymousUser


@dataclass(frozen=True, slots=True)
class Seen:
    everything: bool
    platforms: tuple[uuid.UUID, ...]


# what a route is about: the name of the first argument in its address, and the way from there to the platform;
# None: about no platform's content
SUBJECTS: dict[str, tuple[type[Model], str] | None] = {
    "number": (ReviewCase, "platform"),
    "batch_id": (Batch, "case__platform"),
    "item_id": (ContentItem, "platform"),
    "derivative_id": (Derivative, "asset__platform"),
    "decision_id": (Decision, "case__item__platform"),
    "platform_id": (Platform, "pk"),
    "table": None,
    "filter_id": None,
    "user_id": None,
    "session_id": None,
}


def seen_by(user: Person) -> Seen:
    """Read once a user object, as Django does with permissions: a request's user lives as long as the request."""
    if not user.is_authenticated:
        return Seen(False, ())
    if getattr(user, "is_superuser", False):
        return Seen(True, ())
    kept: Seen | None = user.__dict__.get("_guard_seen")
    if kept is None:
        row = Reach.objects.filter(pk=user.pk).first()
        everything = row is not None and row.all_platforms
        platforms = () if row is None or everything else tuple(row.platforms.values_list("pk", flat=True))
        kept = user.__dict__["_guard_seen"] = Seen(everything, platforms)
    return kept


def forget(user: Person) -> None:
    """After the reach has changed."""
    user.__dict__.pop("_guard_seen", None)


def sees(user: Person, platform: str = "item__platform") -> Q:
    """For filter(): rows of the person's platforms. `platform` is the way from the row to its platform."""
    seen = seen_by(user)
    return Q() if seen.everything else Q(**{f"{platform}__in": seen.platforms})


def may_see(user: Person, platform_id: uuid.UUID) -> bool:
    seen = seen_by(user)
    return seen.everything or platform_id in seen.platforms


def reaches(user: Person, arguments: dict[str, Any]) -> bool:
    """Whether what an address names is of the person's platforms: its first argument is what it is about.

    Raises LookupError for an argument without a line in SUBJECTS, so that a new route cannot forget the question.
    """
    if not arguments:
        return True
    name, value = next(iter(arguments.items()))
    if name not in SUBJECTS:
        raise LookupError(f"what is the platform of {name!r}? Add a line to moderation.reach.SUBJECTS")
    subject = SUBJECTS[name]
    if subject is None or seen_by(user).everything:
        return True
    model, way = subject
    return model._default_manager.filter(sees(user, way), pk=value).exists()
