"""Blind first: from whom the machine's findings on a case are still kept back. Reads only.

A case is drawn when it opens and stays drawn. Who may decide it sees no score, box, signal or history of it before
giving a first opinion; who only reads (auditors, policy editors) sees everything, and so does everybody once it is
closed. Why: docs/decisions/0008-a-first-opinion-before-the-numbers.md.
"""

from __future__ import annotations

import hashlib
import hmac
import uuid

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import BooleanField, Exists, ExpressionWrapper, OuterRef, Q, Value

from moderation.authority import may, rule_for
from moderation.conf import derived_key
from moderation.models import ContentItem, Derivative, Opinion, ReviewCase
from moderation.reach import sees
from moderation.vocabulary import CaseState, DerivativeKind, Permission

DECIDES = Permission.DECIDE
TELLING = (DerivativeKind.FACE, DerivativeKind.HEAT)  # pictures that say what the detector looked at


def drawn(case_id: uuid.UUID, share: float) -> bool:
    """Whether this case is among the share, 0 to 1: by a keyed digest, so that nobody can tell or change it."""
    digest = hmac.new(derived_key("blind-first"), case_id.bytes, hashlib.sha256).digest()
    return int.from_bytes(digest[:8]) < share * 2**64


def hidden_cases(user: User | AnonymousUser) -> Q:
    """The cases whose findings this person may not see yet."""
    if not may(user, DECIDES):
        return Q(pk__in=[])
    deciding = sees(user, "platform", DECIDES) if rule_for(user) else Q()
    own = Opinion.objects.filter(case=OuterRef("pk"), user=user.pk)
    return deciding & Q(blind_first=True) & ~Q(state=CaseState.CLOSED) & Q(~Exists(own))


def hidden(user: User | AnonymousUser) -> Value | ExpressionWrapper[Q]:
    """The same as a column, for lists of cases."""
    if not may(user, DECIDES):
        return Value(False)
    return ExpressionWrapper(hidden_cases(user), output_field=BooleanField())


def is_hidden(case: ReviewCase | None, user: User | AnonymousUser) -> bool:
    return case is not None and case.blind_first and ReviewCase.objects.filter(hidden_cases(user), pk=case.pk).exists()


def item_is_hidden(item: ContentItem, user: User | AnonymousUser) -> bool:
    return ReviewCase.objects.filter(hidden_cases(user), item=item).exists()


def picture_is_hidden(derivative: Derivative, user: User | AnonymousUser) -> bool:
    """Of a picture that tells: whether every item it belongs to is hidden from this person."""
    if derivative.kind not in TELLING:
        return False
    kept_back = ReviewCase.objects.filter(hidden_cases(user), item=OuterRef("pk"))
    items = ContentItem.objects.filter(asset=derivative.asset_id, erased_at=None)
    return not items.filter(~Exists(kept_back)).exists()


def first_opinion(case: ReviewCase, user: User | AnonymousUser) -> Opinion | None:
    """What this person thought before seeing the numbers."""
    return Opinion.objects.filter(case=case, user=user.pk, blind=True).first()


def unanswered() -> Q:
    """For machines, which are no person: the cases on which nobody has given an opinion yet."""
    given = Opinion.objects.filter(case=OuterRef("pk"))
    return Q(blind_first=True) & ~Q(state=CaseState.CLOSED) & Q(~Exists(given))
