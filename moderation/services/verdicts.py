"""THE ONLY WRITER of verdicts: facts and decisions become recorded outcomes, with case, events and audit entry."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.utils import timezone

from moderation.models import ContentItem, Decision, PolicyVersion, Scan
from moderation.models.verdict import Verdict
from moderation.policy import Evidence, FaceEvidence, PolicyResult, Rules, decide
from moderation.services import audit, cases, platforms, webhooks
from moderation.vocabulary import Basis, CasePurpose, Effect, EventType, ItemStatus, Outcome, Reason, ScanState

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
    locked = ContentItem.objects.select_for_update(no_key=True, of=("self",)).select_related("scan", "platform")
    found = locked.filter(pk=item.pk, erased_at=None).first()
    scan = found.scan if found is not None else None
    if found is None or scan is None:
        return None
    item, status = found, ItemStatus(scan.state)
    ContentItem.objects.filter(pk=item.pk).update(status=status, reasons=scan.reasons, finished_at=timezone.now())
    if status is ItemStatus.FAILED:
        webhooks.emit(item.platform, ENDED[status], item, {**_about(item, status), "reasons": scan.reasons})
        return None
    policy = platforms.active_policy(item.platform)
    evidence = _evidence(scan)
    result = decide(evidence, Rules.from_document(policy.rules))
    verdict = _write_policy_verdict(item, scan, policy, evidence, result)
    in_force = verdict if verdict.current else Verdict.objects.select_related("policy").get(item=item, current=True)
    webhooks.emit(item.platform, ENDED[status], item, {**_about(item, status), **_told(in_force)})
    if result.outcome is Outcome.REVIEW and verdict.current:
        _ask_a_person(item, status, result)
    return verdict


def _ask_a_person(item: ContentItem, status: ItemStatus, result: PolicyResult) -> None:
    case, opened = cases.open_case(item, result.reasons)
    if opened:
        body = {**_about(item, status), "case_id": str(case.public_id)}
        webhooks.emit(item.platform, EventType.CASE_OPENED, item, body)


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
    return verdict


def conclude(decision: Decision) -> Verdict | None:
    """A settled decision becomes the current verdict, in the caller's transaction, which holds the item's lock.

    None for the answer to a check of the desk: it changes no outcome, and nobody is told.
    """
    item = decision.case.item
    if decision.case.purpose != CasePurpose.REVIEW:
        audit.note("check.answered", f"user:{decision.user_id}", f"case:{decision.case_id}", decision=decision.pk)
        return None
    policy = platforms.active_policy(item.platform)
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
        effect=decision.effect,
        reasons=[Reason.DECIDED, *decision.opinion.reasons],
        p_value=earlier.p_value if earlier else None,
        n=earlier.n if earlier else None,
        faces_scored=earlier.faces_scored if earlier else 0,
        evidence=earlier.evidence if earlier else {},
    )
    told = {"decision": decision.value, "decision_reasons": decision.opinion.reasons, **_told(verdict)}
    webhooks.emit(item.platform, EventType.DECISION_MADE, item, {**_about(item, ItemStatus(item.status)), **told})
    audit.note(
        "verdict.decision",
        f"user:{decision.user_id}",
        f"item:{item.pk}",
        verdict=verdict.pk,
        decision=decision.pk,
        outcome=str(verdict.outcome),
    )
    return verdict


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
