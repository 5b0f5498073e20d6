"""Workers that were heard of, and work that ended badly."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from moderation.models import ContentItem, Scan, WorkerStatus
from moderation.services import calibration
from moderation.vocabulary import ItemStatus, Reason, ScanState
from tests.factories import make_detector, make_item


def worker(name: str = "scan@one:1", silent: timedelta = timedelta(0)) -> WorkerStatus:
    version, calibrated = make_detector()
    calibration.worker_is_ready(name, "scan", "cpu", version, calibrated, {})
    WorkerStatus.objects.filter(name=name).update(seen_at=timezone.now() - silent)
    return WorkerStatus.objects.get(name=name)


def set_aside(reason: Reason = Reason.ATTEMPTS_SPENT, external_id: str = "") -> ContentItem:
    item = make_item(external_id=external_id) if external_id else make_item()
    Scan.objects.filter(items=item).update(state=ScanState.QUARANTINED, finished_at=timezone.now())
    ContentItem.objects.filter(pk=item.pk).update(
        status=ItemStatus.QUARANTINED, reasons=[reason], finished_at=timezone.now()
    )
    return item
