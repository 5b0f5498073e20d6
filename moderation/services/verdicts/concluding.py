"""A settled decision becomes the verdict in force, and answers the appeal that asked for it."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from moderation import rules
from moderation.models import Appeal, Decision, Verdict
from moderation.rules import Rules
from moderation.services import audit, platforms, webhooks
from moderation.services.verdicts.telling import about, told
from moderation.services.verdicts.writing import write_of_person
from moderation.signals import verdict_recorded
from moderation.vocabulary import AppealOutcome, CasePurpose, Effect, EventType, Reason


def conclude(decision: Decision, *, effect: Effect | None = None) -> Verdict | None:
    """A settled decision becomes the current verdict, in the caller's transaction, which holds the item's lock.

    None for the answer to a check of the desk: it changes no outcome, and nobody is told. `effect` stands in for the
    decision's own, where people of one mind asked for different ones.
    """
    item = decision.case.item
    if decision.case.purpose != CasePurpose.REVIEW:
        audit.note("check.answered", f"user:{decision.user_id}", f"case:{decision.case_id}", decision=decision.pk)
        return None
    policy = platforms.policy_of(item)
    rule = Rules.from_document(policy.rules).on_decision[decision.value]
    verdict = write_of_person(
        item,
        policy,
        rule.outcome,
        effect or Effect(decision.effect),
        [Reason.DECIDED, *decision.opinion.reasons],
        decision,
    )
    kind, more = EventType.DECISION_REVERSED if decision.reverses_id else EventType.DECISION_MADE, {}
    if appeal := Appeal.objects.filter(case=decision.case_id, decided_at=None).select_related("against").first():
        kind, more = EventType.APPEAL_DECIDED, _answer(appeal, verdict)
    webhooks.emit(item.platform, kind, item, {**about(item), **_said(decision), **told(verdict), **more})
    audit.note(
        "verdict.decision",
        f"user:{decision.user_id}",
        f"item:{item.pk}",
        verdict=verdict.pk,
        decision=decision.pk,
        outcome=str(verdict.outcome),
    )
    verdict_recorded.send(Verdict, verdict=verdict)
    return verdict


def _said(decision: Decision) -> dict[str, Any]:
    return {
        "decision": decision.value,
        "decision_reasons": decision.opinion.reasons,
        "stated_reasons": rules.told(decision.stated_reasons),
    }


def _answer(appeal: Appeal, verdict: Verdict) -> dict[str, str]:
    """The appeal's outcome: overturned when the platform is asked for anything else than before."""
    same = (verdict.outcome, verdict.effect) == (appeal.against.outcome, appeal.against.effect)
    outcome = AppealOutcome.UPHELD if same else AppealOutcome.OVERTURNED
    Appeal.objects.filter(pk=appeal.pk).update(outcome=outcome, decided_at=timezone.now())
    audit.note("appeal.decided", "system", f"appeal:{appeal.pk}", outcome=outcome.value, verdict=verdict.pk)
    return {"appeal_id": str(appeal.pk), "appeal": outcome.value}
