"""THE ONLY WRITER of verdicts: facts and decisions become recorded outcomes, with case, events and audit entry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from django.utils import timezone

from moderation.models import Appeal, ContentItem, Decision, PolicyVersion, ReviewCase, Scan, UserReport
from moderation.models.verdict import Verdict
from moderation.policy import Evidence, FaceEvidence, PolicyResult, decide
from moderation.rules import Rules
from moderation.services import audit, cases, platforms, webhooks
from moderation.signals import verdict_recorded
from moderation.vocabulary import (
    AppealOutcome,
    Basis,
    CasePurpose,
    Effect,
    EventType,
    ItemStatus,
    Outcome,
    Reason,
    ScanState,
)

ENDED = {
    ItemStatus.DONE: EventType.ITEM_SCREENED,
    ItemStatus.NOT_APPLICABLE: EventType.ITEM_NOT_APPLICABLE,
    ItemStatus.QUARANTINED: EventType.ITEM_QUARANTINED,
    ItemStatus.FAILED: EventType.ITEM_FAILED,
}


def judge(item: ContentItem) -> Verdict | None:
    """Bring an item to the end of its (finished) scan, in the caller's transaction.

    A person's conclusion stays in force: a later policy verdict on the same item is kept beside it, not above it.
    None when there is nothing to judge: it failed through us, or was erased meanwhile.
    """
    locked = ContentItem.objects.select_for_update(no_key=True, of=("self",)).select_related(
        "scan", "platform", "asset", "policy"
    )
    found = locked.filter(pk=item.pk, erased_at=None).first()
    scan = found.scan if found is not None else None
    if found is None or scan is None:
        return None
    item, status = found, ItemStatus(scan.state)
    ContentItem.objects.filter(pk=item.pk).update(status=status, reasons=scan.reasons, finished_at=timezone.now())
    if status is ItemStatus.FAILED:
        webhooks.emit(item.platform, ENDED[status], item, {**_about(item, status), "reasons": scan.reasons})
        return None
    policy = platforms.policy_of(item)
    evidence = _evidence(scan)
    result = decide(evidence, Rules.from_document(policy.rules))
    verdict = _write_policy_verdict(item, scan, policy, evidence, result)
    in_force = verdict if verdict.current else Verdict.objects.select_related("policy").get(item=item, current=True)
    webhooks.emit(item.platform, ENDED[status], item, {**_about(item, status), **_told(in_force)})
    if item.asset is not None and item.asset.locked_at is not None:
        return lock(item)  # equal content of what is locked
    reported = UserReport.objects.filter(item=item).exists()
    if verdict.current and (result.outcome is Outcome.REVIEW or reported):
        _ask_a_person(item, status, policy, result)
    return verdict


def fail(item: ContentItem, reasons: Sequence[Reason]) -> None:
    """Nothing could be screened: the item ends without a verdict, in the caller's transaction, which holds its lock."""
    said = [reason.value for reason in reasons]
    ended = ContentItem.objects.filter(pk=item.pk, erased_at=None)
    if ended.update(status=ItemStatus.FAILED, reasons=said, finished_at=timezone.now()):
        audit.note("item.failed", "system", f"item:{item.pk}", reasons=said)
        webhooks.emit(item.platform, EventType.ITEM_FAILED, item, {**_about(item, ItemStatus.FAILED), "reasons": said})


def _ask_a_person(item: ContentItem, status: ItemStatus, policy: PolicyVersion, result: PolicyResult) -> None:
    case, opened = cases.open_case(
        item, result.reasons, policy=policy, p_value=result.p_value, statement=result.statement or ""
    )
    if opened:
        body = {**_about(item, status), "case_id": str(case.public_id)}
        webhooks.emit(item.platform, EventType.CASE_OPENED, item, body)


def ask_a_person_again(item: ContentItem, reasons: Sequence[Reason] = ()) -> ReviewCase | None:
    """What policy let pass was reported, or found in the random sample: a person looks, in the caller's transaction.

    None where a person has decided already.
    """
    verdict = in_force(item)
    if verdict is None or verdict.decision_id is not None:
        return None
    case, opened = cases.open_case(
        item, reasons, policy=verdict.policy, p_value=verdict.p_value, statement=verdict.statement
    )
    if opened:
        webhooks.emit(item.platform, EventType.CASE_OPENED, item, {**about(item), "case_id": str(case.public_id)})
    return case


def _write_policy_verdict(
    item: ContentItem, scan: Scan, policy: PolicyVersion, evidence: Evidence, result: PolicyResult
) -> Verdict:
    decided = Verdict.objects.filter(item=item, current=True, basis=Basis.DECISION).exists()
    if not decided:
        Verdict.objects.filter(item=item, current=True).update(current=False)
    verdict = Verdict.objects.create(
        item=item,
        scan=scan,
        policy=policy,
        basis=Basis.POLICY,
        outcome=result.outcome,
        statement=result.statement or "",
        effect=Effect.NONE,
        reasons=list(result.reasons),
        p_value=result.p_value,
        n=result.n,
        faces_scored=result.faces_scored,
        evidence={
            "status": evidence.status,
            "reasons": list(evidence.reasons),
            "faces": [asdict(face) for face in evidence.faces],
        },
        current=not decided,
    )
    audit.note(
        "verdict.policy", f"policy:{policy.pk}", f"item:{item.pk}", verdict=verdict.pk, outcome=str(verdict.outcome)
    )
    if verdict.current:
        verdict_recorded.send(Verdict, verdict=verdict)
    return verdict


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
    earlier = Verdict.objects.filter(item=item, current=True).first()
    Verdict.objects.filter(item=item, current=True).update(current=False)
    verdict = Verdict.objects.create(
        item=item,
        scan=item.scan,
        policy=policy,
        decision=decision,
        basis=Basis.DECISION,
        outcome=rule.outcome,
        statement=earlier.statement if earlier else "",
        effect=effect or decision.effect,
        reasons=[Reason.DECIDED, *decision.opinion.reasons],
        p_value=earlier.p_value if earlier else None,
        n=earlier.n if earlier else None,
        faces_scored=earlier.faces_scored if earlier else 0,
        evidence=earlier.evidence if earlier else {},
    )
    told = {"decision": decision.value, "decision_reasons": decision.opinion.reasons, **_told(verdict)}
    kind, more = EventType.DECISION_REVERSED if decision.reverses_id else EventType.DECISION_MADE, {}
    if appeal := Appeal.objects.filter(case=decision.case_id, decided_at=None).select_related("against").first():
        kind, more = EventType.APPEAL_DECIDED, _answer(appeal, verdict)
    webhooks.emit(item.platform, kind, item, {**_about(item, ItemStatus(item.status)), **told, **more})
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


def lock(item: ContentItem, case: ReviewCase | None = None) -> Verdict:
    """A person suspects illegal content: the item is kept and asked out of view, in the caller's transaction.

    `case` is the one that was locked; without it (equal content of another item) its own is found or made.
    """
    policy, earlier = platforms.policy_of(item), in_force(item)
    if case is None:
        case, _ = cases.open_case(item, [Reason.SUSPECTED_ILLEGAL], policy=policy)
    cases.lock(case)
    ContentItem.objects.filter(pk=item.pk).update(legal_hold=True)
    Verdict.objects.filter(item=item, current=True).update(current=False)
    verdict = Verdict.objects.create(
        item=item,
        scan=item.scan,
        policy=policy,
        basis=Basis.DECISION,
        outcome=Outcome.BLOCK,
        statement=earlier.statement if earlier else "",
        effect=Effect.REMOVE,
        reasons=[Reason.SUSPECTED_ILLEGAL],
        p_value=earlier.p_value if earlier else None,
        n=earlier.n if earlier else None,
        faces_scored=earlier.faces_scored if earlier else 0,
        evidence=earlier.evidence if earlier else {},
    )
    body = {**about(item), "case_id": str(case.public_id), **_told(verdict)}
    webhooks.emit(item.platform, EventType.CASE_LOCKED, item, body)
    audit.note("verdict.locked", "system", f"item:{item.pk}", verdict=verdict.pk, case=case.pk)
    verdict_recorded.send(Verdict, verdict=verdict)
    return verdict


def _answer(appeal: Appeal, verdict: Verdict) -> dict[str, str]:
    """The appeal's outcome: overturned when the platform is asked for anything else than before."""
    same = (verdict.outcome, verdict.effect) == (appeal.against.outcome, appeal.against.effect)
    outcome = AppealOutcome.UPHELD if same else AppealOutcome.OVERTURNED
    Appeal.objects.filter(pk=appeal.pk).update(outcome=outcome, decided_at=timezone.now())
    audit.note("appeal.decided", "system", f"appeal:{appeal.pk}", outcome=outcome.value, verdict=verdict.pk)
    return {"appeal_id": str(appeal.pk), "appeal": outcome.value}


def in_force(item: ContentItem) -> Verdict | None:
    return Verdict.objects.filter(item=item, current=True).select_related("policy", "decision").first()


def _evidence(scan: Scan) -> Evidence:
    if scan.state != ScanState.DONE:
        return Evidence(scan.state, tuple(scan.reasons))
    scored = scan.faces.filter(p_value__isnull=False).order_by("index")
    faces = tuple(FaceEvidence.ranked(face.n or 0, face.reached or 0, face.coarser) for face in scored)
    return Evidence(scan.state, tuple(scan.reasons), faces)


def _about(item: ContentItem, status: ItemStatus) -> dict[str, Any]:
    return {
        "item_id": str(item.pk),
        "external_id": item.external_id,
        "revision": item.revision,
        "status": status.value,
    }


def about(item: ContentItem) -> dict[str, Any]:
    """What every event says of its item."""
    return _about(item, ItemStatus(item.status))


def _told(verdict: Verdict) -> dict[str, Any]:
    return {
        "outcome": str(verdict.outcome),
        "basis": str(verdict.basis),
        "statement": verdict.statement or None,
        "effect": str(verdict.effect),
        "reasons": verdict.reasons,
        "p_value": verdict.p_value,
        "n": verdict.n,
        "faces_scored": verdict.faces_scored,
        "policy_version": verdict.policy.number,
    }
