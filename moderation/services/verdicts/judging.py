"""A finished scan and the policy: the item comes to its end."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils import timezone

from moderation.models import ContentItem, Scan, UserReport, Verdict
from moderation.policy import Evidence, FaceEvidence, decide
from moderation.rules import Rules
from moderation.services import audit, platforms, webhooks
from moderation.services.verdicts.asking import ask_a_person
from moderation.services.verdicts.locking import lock
from moderation.services.verdicts.telling import about, told
from moderation.services.verdicts.writing import write_of_policy
from moderation.vocabulary import EventType, ItemStatus, Outcome, Reason, ScanState

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
        webhooks.emit(item.platform, ENDED[status], item, {**about(item, status), "reasons": scan.reasons})
        return None
    policy = platforms.policy_of(item)
    evidence = _evidence(scan)
    result = decide(evidence, Rules.from_document(policy.rules))
    verdict = write_of_policy(item, scan, policy, evidence, result)
    current = verdict if verdict.current else Verdict.objects.select_related("policy").get(item=item, current=True)
    webhooks.emit(item.platform, ENDED[status], item, {**about(item, status), **told(current)})
    if item.is_locked:
        return lock(item)  # equal content of what is locked
    reported = UserReport.objects.filter(item=item).exists()
    if verdict.current and (result.outcome is Outcome.REVIEW or reported):
        ask_a_person(item, status, policy, result)
    return verdict


def fail(item: ContentItem, reasons: Sequence[Reason]) -> None:
    """Nothing could be screened: the item ends without a verdict, in the caller's transaction, which holds its lock."""
    said = [reason.value for reason in reasons]
    ended = ContentItem.objects.filter(pk=item.pk, erased_at=None)
    if ended.update(status=ItemStatus.FAILED, reasons=said, finished_at=timezone.now()):
        audit.note("item.failed", "system", f"item:{item.pk}", reasons=said)
        webhooks.emit(item.platform, EventType.ITEM_FAILED, item, {**about(item, ItemStatus.FAILED), "reasons": said})


def _evidence(scan: Scan) -> Evidence:
    if scan.state != ScanState.DONE:
        return Evidence(scan.state, tuple(scan.reasons))
    scored = scan.faces.filter(p_value__isnull=False).order_by("index")
    faces = tuple(FaceEvidence.ranked(face.n or 0, face.reached or 0, face.coarser) for face in scored)
    return Evidence(scan.state, tuple(scan.reasons), faces)
