"""What workers say of themselves: which detector and calibration they hold, and that they are alive."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from moderation.models import Calibration, DetectorVersion, WorkerStatus
from moderation.services import audit

FORGOTTEN = timedelta(days=7)  # a worker's name holds its process id, so each start is a row


@transaction.atomic
def register(
    identity: str, manifest: Mapping[str, Any], calibration_identity: str, buckets: Mapping[str, Any]
) -> tuple[DetectorVersion, Calibration]:
    """Write (or find) the rows of a detector that has just warmed up, and say that they are the ones in use.

    `buckets`: {bucket: {"n", "edges" [bins + 1], "counts" [bins]}}, the histogram of fused calibration scores.
    """
    detector, _ = DetectorVersion.objects.get_or_create(identity=identity)
    calibration, new = Calibration.objects.update_or_create(
        identity=calibration_identity,
        defaults={"detector": detector, "buckets": buckets, "manifest": manifest, "warmed_at": timezone.now()},
    )
    if new:
        audit.note("detector.registered", "system", f"detector:{detector.pk}", calibration=calibration.pk)
    return detector, calibration


def worker_has_started(name: str, queue: str) -> None:
    """Alive; a scan worker is not ready before `worker_is_ready`."""
    now = timezone.now()
    WorkerStatus.objects.filter(seen_at__lt=now - FORGOTTEN).delete()
    WorkerStatus.objects.update_or_create(name=name, defaults={"queue": queue, "seen_at": now, "left_at": None})


def worker_has_left(name: str) -> None:
    """Told to stop: nobody has to look after it. Its row stays, which says that there was a detector today."""
    WorkerStatus.objects.filter(name=name).update(left_at=timezone.now())


def worker_is_ready(
    name: str, queue: str, device: str, detector: DetectorVersion, calibration: Calibration, notes: Mapping[str, Any]
) -> None:
    now = timezone.now()
    WorkerStatus.objects.update_or_create(
        name=name,
        defaults={
            "queue": queue,
            "device": device,
            "detector": detector,
            "calibration": calibration,
            "warmed_at": now,
            "seen_at": now,
            "notes": dict(notes),
        },
    )


def worker_is_not_ready(name: str, reason: str) -> None:
    """Why it claims nothing, until it is ready after all."""
    for worker in WorkerStatus.objects.filter(name=name):
        worker.notes["fault"] = reason[:300]
        worker.save(update_fields=["notes"])


def worker_was_seen(name: str, *, progress: bool = False) -> None:
    """`progress`: it finished something; being alive is not the same."""
    now = timezone.now()
    WorkerStatus.objects.filter(name=name).update(seen_at=now, **({"progressed_at": now} if progress else {}))
