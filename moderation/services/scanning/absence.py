"""When no worker has a detector for a day, items say so by name; when one comes, they wait again."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from moderation import dispatch
from moderation.models import ContentItem, MediaAsset, Scan, WorkerStatus
from moderation.services.scanning.claims import end
from moderation.vocabulary import LIVE_SCAN_STATES, ItemStatus, Reason, ScanState

WITHOUT_DETECTOR = timedelta(hours=24)
AT_ONCE = 200


def fail_without_detector() -> int:
    """No warm worker was seen for a day: say so by name instead of letting items wait in silence."""
    before = timezone.now() - WITHOUT_DETECTOR
    if WorkerStatus.objects.filter(warmed_at__isnull=False, seen_at__gte=before).exists():
        return 0
    waiting = Scan.objects.filter(state=ScanState.QUEUED, created_at__lt=before, next_attempt_at__lt=before)
    failed = 0
    for scan_id in list(waiting.values_list("pk", flat=True)[:AT_ONCE]):
        with transaction.atomic():
            failed += end(waiting, scan_id, ScanState.FAILED, [Reason.NO_DETECTOR], "no worker warmed up for a day")
    return failed


def requeue_without_detector() -> int:
    """At a warm-up: what failed for want of a detector waits again; returns how many scans."""
    failed = Scan.objects.filter(
        state=ScanState.FAILED, reasons__0=Reason.NO_DETECTOR.value, items__status=ItemStatus.FAILED
    )
    return sum(_requeue(scan) for scan in list(failed.distinct().order_by("pk")))


@transaction.atomic
def _requeue(scan: Scan) -> bool:
    """Under the asset's lock, so that an upload of equal content cannot start another live scan meanwhile."""
    if MediaAsset.objects.select_for_update(no_key=True).filter(pk=scan.asset_id).first() is None:
        return False
    live = (
        Scan.objects.select_for_update(no_key=True).filter(asset_id=scan.asset_id, state__in=LIVE_SCAN_STATES).first()
    )
    if live is None:
        live = scan
        won = Scan.objects.filter(pk=scan.pk, state=ScanState.FAILED).update(
            state=ScanState.QUEUED, finished_at=None, reasons=[], error="", next_attempt_at=timezone.now()
        )
        if not won:
            return False
    status = ItemStatus.RUNNING if live.state == ScanState.RUNNING else ItemStatus.QUEUED
    ContentItem.objects.filter(scan=scan, status=ItemStatus.FAILED, erased_at=None).update(
        scan=live, status=status, reasons=[], finished_at=None
    )
    dispatch.ring_scan(live.pk)
    return True
