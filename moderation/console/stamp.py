"""What a case's part of the page was made from: equal stamps, equal parts, so that one fetched ahead may be shown."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection
from typing import Any

from django.contrib.auth.models import User
from django.db.models import OuterRef, QuerySet, Subquery

from moderation.conf import derived_key
from moderation.models import (
    Appeal,
    ContentItem,
    Decision,
    Derivative,
    Event,
    Opinion,
    PolicyVersion,
    ReviewCase,
    UserReport,
    Verdict,
)

# told by the page itself once it is shown, or of no interest to it
LEFT_OUT = {"lease_until", "taken_at", "alive_at", "shown_at"}
AROUND = (
    "item__policy",
    "item__status",
    "item__reasons",
    "item__context",
    "item__erased_at",
    "item__scan",
    "item__scan__state",
    "item__asset__locked_at",
    "item__asset__removed_at",
)


def stamps(numbers: Collection[int], user: User) -> dict[int, str]:
    """By case in the order given, for this person; one query. Cases that are gone are left out.

    Not followed: how deliveries went, and how other versions were judged.
    """
    if not numbers:
        return {}
    own = [field.attname for field in ReviewCase._meta.concrete_fields if field.name not in LEFT_OUT]
    rows = ReviewCase.objects.filter(pk__in=numbers).annotate(**_newest(user)).values(*own, *AROUND, *_newest(user))
    found = {row["number"]: _digest(row, user) for row in rows}
    return {number: found[number] for number in numbers if number in found}


def _newest(user: User) -> dict[str, Subquery]:
    """Of each kind of row that only ever comes anew; ids grow with time."""
    item, case = OuterRef("item"), OuterRef("pk")
    same = ContentItem.objects.filter(platform=OuterRef("platform"), external_id=OuterRef("item__external_id"))
    return {
        "policy_in_force": _last(PolicyVersion.objects.filter(platform=OuterRef("platform"), active=True)),
        "verdict": _last(Verdict.objects.filter(item=item, current=True)),
        "newest_decision": _last(Decision.objects.filter(case__item=item)),
        "newest_event": _last(Event.objects.filter(item=item)),
        "newest_report": _last(UserReport.objects.filter(item=item)),
        "newest_picture": _last(Derivative.objects.filter(scan=OuterRef("item__scan"))),
        "newest_case": _last(ReviewCase.objects.filter(item=item)),
        "newest_version": Subquery(same.order_by("-revision").values("pk")[:1]),  # as its index has them
        "own_opinion": _last(Opinion.objects.filter(case=case, user=user)),
        "outcome_of_appeal": Subquery(Appeal.objects.filter(case=case).values("outcome")[:1]),
    }


def _last(rows: QuerySet[Any]) -> Subquery:
    return Subquery(rows.order_by("-pk").values("pk")[:1])


def _digest(row: dict[str, Any], user: User) -> str:
    """Keyed: what is kept back of a case that is blind first cannot be tried out."""
    made_from = repr((user.pk, sorted(row.items())))
    return hmac.new(derived_key("stamp"), made_from.encode(), hashlib.sha256).hexdigest()[:16]
