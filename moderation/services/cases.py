"""Review cases and who holds them. A lease is a fencing token: it alone lets a decision through."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from moderation import blind, dispatch, queries
from moderation.conf import conf
from moderation.models import ContentItem, GoldItem, Opinion, ReviewCase
from moderation.policy import Rules
from moderation.services import audit, platforms
from moderation.vocabulary import CasePurpose, CaseState, DecisionState, DecisionValue


@dataclass(frozen=True, slots=True)
class Lease:
    case: ReviewCase
    token: uuid.UUID
    until: datetime


def open_case(item: ContentItem, reasons: Sequence[str]) -> tuple[ReviewCase, bool]:
    """The item's open case, made when there is none, in the caller's transaction: (case, whether it is new)."""
    asked = ReviewCase.objects.filter(item=item, purpose=CasePurpose.REVIEW)
    case = asked.exclude(state=CaseState.CLOSED).first()
    if case is not None:
        return case, False
    case = _new_case(item, reasons)
    audit.note("case.opened", "system", f"case:{case.number}", item=item.pk)
    return case, True


def open_check(
    item: ContentItem, purpose: CasePurpose, reasons: Sequence[str], *, drawn_share: float | None = None
) -> ReviewCase | None:
    """A check of the desk that looks like any other case; None while another one on this item is open."""
    checks = ReviewCase.objects.filter(item=item).exclude(purpose=CasePurpose.REVIEW)
    if checks.exclude(state=CaseState.CLOSED).exists():
        return None
    case = _new_case(item, reasons, purpose=purpose, drawn_share=drawn_share)
    audit.note("check.opened", "system", f"case:{case.number}", item=item.pk, purpose=str(purpose))
    return case


def _new_case(item: ContentItem, reasons: Sequence[str], **given: Any) -> ReviewCase:
    """Every case is made here, so that a check of the desk differs from the others in nothing that is shown."""
    due_at = timezone.now() + timedelta(hours=conf().CASE_DUE_HOURS)
    case = ReviewCase(item=item, reasons=list(reasons), due_at=due_at, **given)
    case.blind_first = blind.drawn(case.public_id, _blind_share(item))
    case.views_due_at = timezone.now() if queries.has_picture(item) else None
    case.save(force_insert=True)
    if case.views_due_at is not None:
        dispatch.ring_views(case.number)
    return case


def _blind_share(item: ContentItem) -> float:
    return Rules.from_document(platforms.active_policy(item.platform).rules).blind_first


def available(user: User) -> QuerySet[ReviewCase]:
    """Open cases nobody else holds, and on which this person has not already said that they cannot tell.

    A check of the desk is for people who have not answered on its item before, nor sealed its answer.
    """
    passed = Opinion.objects.filter(
        case=OuterRef("pk"), user=user, value=DecisionValue.CANNOT_TELL, decision__state=DecisionState.SETTLED
    )
    answered = Opinion.objects.filter(case__item=OuterRef("item"), user=user).exclude(case=OuterRef("pk"))
    sealed = GoldItem.objects.filter(item=OuterRef("item"), sealed_by=user)
    fresh = Q(purpose=CasePurpose.REVIEW) | (~Exists(answered) & ~Exists(sealed))
    free = Q(lease_until=None) | Q(lease_until__lt=timezone.now()) | Q(holder=user)
    cases = ReviewCase.objects.filter(free, fresh, ~Exists(passed), queries.within_reach(user), state=CaseState.OPEN)
    return cases.order_by("due_at", "number")


def lease(case: ReviewCase, user: User) -> Lease | None:
    """Take this case, or take it again with a fresh token; None when somebody else has it or it is not open."""
    token, until = uuid.uuid4(), _until()
    taken = available(user).filter(pk=case.pk).order_by()
    if not taken.update(lease_token=token, lease_until=until, holder=user):
        return None
    return Lease(ReviewCase.objects.get(pk=case.pk), token, until)


@transaction.atomic
def lease_next(user: User, after: ReviewCase | None = None) -> Lease | None:
    """The most urgent case that is free; `after` is passed over once (skipped by this person)."""
    waiting = available(user)
    if after is not None:
        waiting = waiting.filter(Q(due_at__gt=after.due_at) | Q(due_at=after.due_at, number__gt=after.number))
    if connection.features.has_select_for_update_skip_locked:
        waiting = waiting.select_for_update(no_key=True, skip_locked=True, of=("self",))
    case = waiting.first()
    return lease(case, user) if case is not None else None


def renew(case: ReviewCase, token: uuid.UUID) -> datetime | None:
    """Hold on for another while; None when the case has gone to somebody else or has been decided."""
    until = _until()
    held = ReviewCase.objects.filter(pk=case.pk, state=CaseState.OPEN, lease_token=token)
    return until if held.update(lease_until=until) else None


def release(case: ReviewCase, token: uuid.UUID) -> bool:
    held = ReviewCase.objects.filter(pk=case.pk, state=CaseState.OPEN, lease_token=token)
    return bool(held.update(lease_token=None, lease_until=None, holder=None))


@transaction.atomic
def escalate(case: ReviewCase, user: User, token: uuid.UUID) -> bool:
    """Hand one's own case to a senior; False when it is not one's own any more."""
    held = ReviewCase.objects.filter(pk=case.pk, state=CaseState.OPEN, lease_token=token, holder=user)
    if not held.update(escalated_at=timezone.now(), lease_token=None, lease_until=None, holder=None):
        return False
    audit.note("case.escalated", f"user:{user.pk}", f"case:{case.number}")
    return True


def _until() -> datetime:
    return timezone.now() + timedelta(seconds=conf().CASE_LEASE_SECONDS)
