"""Tenancy: a person sees the platforms that were assigned to them, and nothing of the others (docs/console.md)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from django.db.models import Model, Q

from moderation import authority
from moderation.authority import Person
from moderation.models import Batch, ContentItem, Decision, Derivative, Platform, Reach, ReviewCase
from moderation.vocabulary import Permission

VIEW = Permission.VIEW


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


def seen_by(user: Person, permission: str = VIEW) -> Seen:
    """Read once a user object, as Django does with permissions: a request's user lives as long as the request.

    `permission` makes a difference where the project's own rule decides, which may answer otherwise for each platform.
    """
    if not user.is_authenticated:
        return Seen(False, ())
    kept: dict[str, Seen] = user.__dict__.setdefault("_guard_seen", {})
    if authority.rule_for(user) is not None:
        if permission not in kept:
            allowed = [each.pk for each in Platform.objects.all() if authority.may(user, permission, each)]
            kept[permission] = Seen(False, tuple(allowed))
        return kept[permission]
    if getattr(user, "is_superuser", False):
        return Seen(True, ())
    if VIEW not in kept:
        row = Reach.objects.filter(pk=user.pk).first()
        everything = row is not None and row.all_platforms
        platforms = () if row is None or everything else tuple(row.platforms.values_list("pk", flat=True))
        kept[VIEW] = Seen(everything, platforms)
    return kept[VIEW]


def forget(user: Person) -> None:
    """After the reach has changed."""
    user.__dict__.pop("_guard_seen", None)


def sees(user: Person, platform: str = "item__platform", permission: str = VIEW) -> Q:
    """For filter(): rows of the person's platforms. `platform` is the way from the row to its platform."""
    seen = seen_by(user, permission)
    return Q() if seen.everything else Q(**{f"{platform}__in": seen.platforms})


def may_see(user: Person, platform_id: uuid.UUID) -> bool:
    seen = seen_by(user)
    return seen.everything or platform_id in seen.platforms


def reaches(user: Person, arguments: dict[str, Any], permission: str = VIEW) -> bool:
    """Whether what an address names is of the person's platforms: its first argument is what it is about.

    Raises LookupError for an argument without a line in SUBJECTS, so that a new route cannot forget the question.
    """
    if not arguments:
        return True
    name, value = next(iter(arguments.items()))
    if name not in SUBJECTS:
        raise LookupError(f"what is the platform of {name!r}? Add a line to moderation.reach.SUBJECTS")
    subject = SUBJECTS[name]
    if subject is None or seen_by(user, permission).everything:
        return True
    model, way = subject
    return model._default_manager.filter(sees(user, way, permission), pk=value).exists()
