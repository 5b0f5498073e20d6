"""A first opinion, given before the machine's numbers are shown, and kept beside the later one."""

from __future__ import annotations

import uuid

from django.contrib.auth.models import User
from django.db import transaction

from moderation.models import Opinion, ReviewCase
from moderation.services import audit
from moderation.services.decisions import LeaseLost
from moderation.vocabulary import CaseState, DecisionValue


@transaction.atomic
def first(case: ReviewCase, user: User, token: uuid.UUID, value: DecisionValue) -> Opinion:
    """Keeps what the holder of the case thinks; a second one changes nothing. Raises LeaseLost."""
    held = ReviewCase.objects.select_for_update(no_key=True, of=("self",))
    if not held.filter(pk=case.pk, state=CaseState.OPEN, lease_token=token, holder=user).exists():
        raise LeaseLost(ReviewCase.objects.get(pk=case.pk))
    opinion, new = Opinion.objects.get_or_create(case=case, user=user, blind=True, defaults={"value": value})
    if new:
        audit.note("opinion.first", f"user:{user.pk}", f"case:{case.number}", opinion=opinion.pk, value=str(value))
    return opinion
