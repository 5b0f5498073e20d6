"""What moderators conclude. A decision is pending for ten seconds, then settles, unless it is undone (DESIGN §4.9)."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from moderation import blind, dispatch
from moderation.conf import conf
from moderation.models import ContentItem, Decision, Opinion, ReviewCase
from moderation.quorum import Step, next_step
from moderation.rules import Rules
from moderation.services import audit, cases, leases, platforms, verdicts
from moderation.vocabulary import CasePurpose, CaseState, DecisionReason, DecisionState, DecisionValue, Effect, Reason

HELD_AT_MOST = timedelta(seconds=60)
NEEDS_REASON = {DecisionValue.SYNTHETIC, DecisionValue.ALTERED}


class ReasonMissing(ValueError):
    """Synthetic and altered are claims about somebody's picture: they need at least one reason."""


class OpinionMissing(Exception):
    """The case asks for a first opinion before its numbers are shown, and this person has given none."""


class LeaseLost(Exception):
    """The case is not this person's any more: `case` as it is now, `decision` the last one on it, if any."""

    def __init__(self, case: ReviewCase) -> None:
        super().__init__(f"case {case.number} is {case.state}")
        self.case = case
        self.decision = Decision.objects.filter(case=case).order_by("-created_at").first()

    @property
    def gone(self) -> bool:
        """Whether there is nothing left to decide here for whoever came late."""
        return self.case.state != CaseState.OPEN or leases.is_held(self.case)


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

    Raises ReasonMissing, OpinionMissing, LeaseLost, ValueError.
    """
    given = [DecisionReason(reason).value for reason in reasons]
    if blind.is_hidden(case, user):
        raise OpinionMissing(case.number)
    if value in NEEDS_REASON and not given:
        raise ReasonMissing(value)
    held = ReviewCase.objects.filter(pk=case.pk, state=CaseState.OPEN, lease_token=token, holder=user)
    if not held.update(state=CaseState.SETTLING, lease_token=None, lease_until=None):
        raise LeaseLost(ReviewCase.objects.get(pk=case.pk))
    rules = Rules.from_document(platforms.policy_of(case.item).rules)
    opinion = Opinion.objects.create(case=case, user=user, value=value, reasons=given, note=note)
    decision = Decision.objects.create(
        case=case,
        opinion=opinion,
        user=user,
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
    """While the undo bar is held: settle ten seconds from now, but never later than a minute after the decision."""
    latest = decision.created_at + HELD_AT_MOST
    wanted = min(latest, timezone.now() + timedelta(seconds=conf().UNDO_SECONDS))
    pending = Decision.objects.filter(pk=decision.pk, user=user, state=DecisionState.PENDING)
    return bool(pending.filter(settle_at__lt=wanted).update(settle_at=wanted))


@transaction.atomic
def settle(decision_id: uuid.UUID) -> bool:
    """One conditional UPDATE decides between this and an undo. False: not due, undone, or settled already."""
    now = timezone.now()
    items = ContentItem.objects.select_for_update(no_key=True, of=("self",))
    # the item's lock before the decision's, as an erasure takes them
    list(items.filter(cases__decisions=decision_id).values_list("pk"))
    due = Decision.objects.filter(pk=decision_id, state=DecisionState.PENDING, settle_at__lte=now)
    if not due.update(state=DecisionState.SETTLED, settled_at=now):
        return False
    decision = Decision.objects.select_related("case__item__platform", "opinion").get(pk=decision_id)
    void = _void_reason(decision)
    if void is not None:
        Decision.objects.filter(pk=decision_id).update(state=DecisionState.VOID, void_reason=void)
        _close(decision, CaseState.CLOSED)
        audit.note("decision.void", "system", f"case:{decision.case_id}", decision=decision_id, reason=void.value)
    else:
        _bring_on(decision)
    return True


def _bring_on(decision: Decision) -> None:
    """What a settled decision leads to: the end of the case, another person, or a senior."""
    case = decision.case
    if case.purpose != CasePurpose.REVIEW:
        verdicts.conclude(decision)
        _close(decision, CaseState.CLOSED)
        return
    settled = Decision.objects.filter(case=case, state=DecisionState.SETTLED).order_by("settled_at", "pk")
    said = list(settled.values_list("value", "effect"))
    rules = Rules.from_document(platforms.policy_of(case.item).rules)
    step = next_step([value for value, _ in said], rules.opinions, senior=case.escalated_at is not None)
    if step is Step.CONCLUDE:
        effects = {effect for value, effect in said if value == decision.value}
        apart = len(effects) > 1 and case.escalated_at is None  # of one mind, but not on what is to be done
        verdicts.conclude(decision, effect=rules.on_decision[decision.value].effect if apart else None)
        _close(decision, CaseState.CLOSED)
        return
    _close(decision, CaseState.OPEN)
    audit.note("decision.settled", "system", f"case:{case.pk}", decision=decision.pk, next=step.value)
    if step is Step.ASK_SENIOR and case.escalated_at is None:
        unsure = decision.value == DecisionValue.CANNOT_TELL
        cases.hand_to_seniors(case, Reason.NOBODY_CAN_TELL if unsure else Reason.OPINIONS_DIFFER)


def settle_due(limit: int = 500) -> int:
    """What the sweeper finds; returns how many settled."""
    due = Decision.objects.filter(state=DecisionState.PENDING, settle_at__lte=timezone.now())
    return sum(settle(pk) for pk in list(due.order_by("settle_at").values_list("pk", flat=True)[:limit]))


def _void_reason(decision: Decision) -> Reason | None:
    item = decision.case.item
    if item.erased_at is not None:
        return Reason.ITEM_ERASED
    newer = ContentItem.objects.filter(platform=item.platform, external_id=item.external_id, revision__gt=item.revision)
    return Reason.SUPERSEDED if newer.filter(created_at__gt=decision.created_at).exists() else None


def _close(decision: Decision, state: CaseState) -> None:
    closed_at = timezone.now() if state is CaseState.CLOSED else None
    ReviewCase.objects.filter(pk=decision.case_id, state=CaseState.SETTLING).update(
        state=state, closed_at=closed_at, holder=None, lease_token=None, lease_until=None
    )


class NotReversible(ValueError):
    """Nothing settled is in force here, it is not what the person had seen, or it would stay as it is."""


@transaction.atomic
def reverse(
    case: ReviewCase,
    user: User,
    seen: uuid.UUID,
    value: DecisionValue,
    *,
    why: str,
    reasons: Sequence[str] = (),
    effect: Effect | None = None,
) -> Decision:
    """A senior's reversal: new rows and an event, at once; nothing is edited. `seen` is the decision in force.

    Raises ReasonMissing without a why, NotReversible, ValueError.
    """
    given = [DecisionReason(reason).value for reason in reasons]
    if not why.strip():
        raise ReasonMissing(value)
    list(ContentItem.objects.select_for_update(no_key=True, of=("self",)).filter(cases=case).values_list("pk"))
    case = ReviewCase.objects.select_related("item__platform").get(pk=case.pk)
    earlier = Decision.objects.filter(pk=seen, case=case, verdict__current=True).first()
    if earlier is None or case.state != CaseState.CLOSED or case.item.erased_at is not None:
        raise NotReversible("This decision is not in force any more.")
    if ReviewCase.objects.filter(item=case.item, purpose=CasePurpose.REVIEW).exclude(state=CaseState.CLOSED).exists():
        raise NotReversible("A person is looking at this item again; that comes first.")
    rules = Rules.from_document(platforms.policy_of(case.item).rules)
    asked = effect or rules.on_decision[value].effect
    if value is DecisionValue.CANNOT_TELL or (value, asked) == (earlier.value, earlier.effect):
        raise NotReversible("This would leave things as they are.")
    now = timezone.now()
    opinion = Opinion.objects.create(case=case, user=user, value=value, reasons=given, note=why.strip())
    decision = Decision.objects.create(
        case=case,
        opinion=opinion,
        user=user,
        reverses=earlier,
        value=value,
        effect=asked,
        state=DecisionState.SETTLED,
        settle_at=now,
        settled_at=now,
    )
    verdicts.conclude(decision)
    return decision
