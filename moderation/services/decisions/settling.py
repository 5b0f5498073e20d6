"""When its ten seconds are over a decision counts: the case ends, or another person looks."""

from __future__ import annotations

import uuid

from django.db import transaction
from django.utils import timezone

from moderation.models import FREE, ContentItem, Decision, ReviewCase
from moderation.quorum import Step, next_step
from moderation.rules import Rules
from moderation.services import audit, cases, platforms, verdicts
from moderation.vocabulary import CasePurpose, CaseState, DecisionState, DecisionValue, Reason


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
    decision = Decision.objects.select_related("case__item__platform", "opinion", "policy").get(pk=decision_id)
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
        state=state, closed_at=closed_at, **FREE
    )
