"""Views of the queue that a person keeps under a name."""

from __future__ import annotations

import uuid

from django.contrib.auth.models import User
from django.utils.translation import gettext

from moderation.models import SavedFilter

KEPT_AT_MOST = 20


class TooMany(ValueError):
    """A person keeps KEPT_AT_MOST filters at most."""


def save(user: User, name: str, address: str) -> SavedFilter:
    """Keep a query string of the queue; an older one of the same name gives way. Raises TooMany, ValueError."""
    name = name.strip()[:60]
    if not name:
        raise ValueError(gettext("a saved filter needs a name"))
    others = SavedFilter.objects.filter(user=user).exclude(name=name)
    if others.count() >= KEPT_AT_MOST:
        raise TooMany(
            gettext("%(kept_at_most)s filters are kept at most; delete one first") % {"kept_at_most": KEPT_AT_MOST}
        )
    kept, _ = SavedFilter.objects.update_or_create(user=user, name=name, defaults={"address": address[:1000]})
    return kept


def delete(user: User, filter_id: uuid.UUID) -> bool:
    return bool(SavedFilter.objects.filter(pk=filter_id, user=user).delete()[0])
