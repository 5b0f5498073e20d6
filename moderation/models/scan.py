from __future__ import annotations

from datetime import timedelta

from django.db import models
from django.utils import timezone

from moderation.models.content import MediaAsset
from moderation.models.detection import Calibration, DetectorVersion
from moderation.models.ids import choices, new_id
from moderation.vocabulary import LIVE_SCAN_STATES, Priority, ScanState


class Scan(models.Model):
    """One run of one detector version over one media asset: the queue of record (design.md §1)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    asset = models.ForeignKey(MediaAsset, models.CASCADE, related_name="scans")
    run = models.PositiveSmallIntegerField(default=1)
    state = models.CharField(max_length=20, choices=choices(ScanState), default=ScanState.QUEUED)
    priority = models.PositiveSmallIntegerField(default=Priority.NORMAL)
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_token = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    next_attempt_at = models.DateTimeField()
    detector = models.ForeignKey(DetectorVersion, models.PROTECT, null=True, blank=True)
    calibration = models.ForeignKey(Calibration, models.PROTECT, null=True, blank=True)
    worker = models.CharField(max_length=100, blank=True)
    reasons = models.JSONField(default=list)
    error = models.CharField(max_length=300, blank=True, help_text="last error, for people who run the guard")
    timings = models.JSONField(default=dict, help_text="seconds by stage")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["asset"], condition=models.Q(state__in=LIVE_SCAN_STATES), name="one_live_scan_an_asset"
            ),
            models.UniqueConstraint(
                fields=["detector", "calibration", "asset", "run"],
                condition=models.Q(finished_at__isnull=False),
                name="scan_recorded_once",
            ),
        ]
        indexes = [
            models.Index(fields=["priority", "id"], condition=models.Q(state=ScanState.QUEUED), name="queued_scans"),
            models.Index(fields=["lease_until"], condition=models.Q(state=ScanState.RUNNING), name="leased_scans"),
        ]

    def __str__(self) -> str:
        return f"scan {self.id} ({self.state})"


WORKER_SILENT = timedelta(minutes=1)  # workers say every 15 s that they live


def at_work(within: timedelta = WORKER_SILENT) -> models.Q:
    """The workers heard of so lately that have not signed off."""
    return models.Q(seen_at__gte=timezone.now() - within, left_at=None)


class WorkerStatus(models.Model):
    """What a worker last said of itself: alive (`seen_at`), ready (`warmed_at`), making progress (`progressed_at`).

    `notes` hold a `fault` while something other than the files keeps it from screening.
    """

    name = models.CharField(max_length=100, primary_key=True)
    queue = models.CharField(max_length=40)
    device = models.CharField(max_length=40, blank=True)
    detector = models.ForeignKey(DetectorVersion, models.SET_NULL, null=True, blank=True)
    calibration = models.ForeignKey(Calibration, models.SET_NULL, null=True, blank=True)
    warmed_at = models.DateTimeField(null=True, blank=True)
    seen_at = models.DateTimeField()
    progressed_at = models.DateTimeField(null=True, blank=True)
    left_at = models.DateTimeField(null=True, blank=True, help_text="when it was told to stop, and signed off")
    notes = models.JSONField(default=dict, help_text="face finder and decoder limits in force")

    def __str__(self) -> str:
        return self.name
