"""Deciding, and taking it back while it is pending."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from moderation import blind, dispatch
from moderation.conf import conf
from moderation.models import Decision, Opinion, ReviewCase
from moderation.rules import Rules, allowed
from moderation.services import audit, case_words, leases, platforms
from moderation.services.decisions.refusals import NEEDS_REASON, LeaseLost, OpinionMissing, ReasonMissing
from moderation.vocabulary import CaseState, DecisionState, DecisionValue, Effect

HELD_AT_MOST = timedelta(seconds=60)


@transaction.atomic
def decide(
    case: ReviewCase,
    user: User,
    token: uuid.UUID,
    value: DecisionValue,
    *,
    reasons: Sequence[str] = (),
    note: str = "",
    effect: Effect | None = None,
) -> Decision:
    """Store an opinion and a pending decision that points to it.

    Raises ReasonNotListed, ReasonMissing, OpinionMissing, LeaseLost.
    """
    policy = platforms.policy_of(case.item)
    rules = Rules.from_document(policy.rules)
    given = allowed(reasons, rules.reasons)
    if blind.is_hidden(case, user):
        raise OpinionMissing(case.number)
    if value in NEEDS_REASON and not given:
        raise ReasonMissing(value)
    held = ReviewCase.objects.filter(pk=case.pk, state=CaseState.OPEN, lease_token=token, holder=user)
    if not held.update(state=CaseState.SETTLING, lease_token=None, lease_until=None):
        raise LeaseLost(ReviewCase.objects.get(pk=case.pk))
    opinion = Opinion.objects.create(case=case, user=user, value=value, reasons=given, note=note)
    case_words.keep(case.pk, opinion.note)
    decision = Decision.objects.create(
        case=case,
        opinion=opinion,
        user=user,
        policy=policy,
        value=value,
        effect=Effect.NONE if value is DecisionValue.CANNOT_TELL else effect or rules.on_decision[value].effect,
        settle_at=timezone.now() + timedelta(seconds=conf().UNDO_SECONDS),
    )
    audit.note("decision.pending", f"user:{user.pk}", f"case:{case.number}", decision=decision.pk, value=str(value))
    dispatch.ring_settle(decision.pk, decision.settle_at)
    return decision


@transaction.atomic
def undo(decision: Decision, user: User) -> leases.Lease | None:
    """Take back one's own pending decision and hold the case again; None when it has settled (or is not one's own)."""
    pending = Decision.objects.filter(pk=decision.pk, user=user, state=DecisionState.PENDING)
    if not pending.update(state=DecisionState.UNDONE, settled_at=timezone.now()):
        return None
    ReviewCase.objects.filter(pk=decision.case_id, state=CaseState.SETTLING).update(state=CaseState.OPEN, holder=user)
    audit.note("decision.undone", f"user:{user.pk}", f"case:{decision.case_id}", decision=decision.pk)
    return leases.lease(decision.case, user)


def hold(decision: Decision, user: User) -> bool:
    """While the undo bar is held: settle ten seconds from now, but never later than a minute after the decision.

    Those decided together are held together.
    """
    latest = decision.created_at + HELD_AT_MOST
    wanted = min(latest, timezone.now() + timedelta(seconds=conf().UNDO_SECONDS))
    held = Q(batch=decision.batch_id) if decision.batch_id else Q(pk=decision.pk)
    pending = Decision.objects.filter(held, user=user, state=DecisionState.PENDING)
    return bool(pending.filter(settle_at__lt=wanted).update(settle_at=wanted))
