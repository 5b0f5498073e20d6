"""The queue of record: claiming, recording and sweeping scans (DESIGN §1). Workers know nothing of its rules."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import connection, transaction
from django.db.models import F, Max, QuerySet
from django.utils import timezone

from deepfake_guard.detector.records import FaceScore, MediaReport
from moderation import dispatch
from moderation.conf import conf
from moderation.models import Calibration, ContentItem, Derivative, DetectedFace, DetectorVersion, MediaAsset, Scan
from moderation.services import audit, verdicts
from moderation.vocabulary import LIVE_SCAN_STATES, ItemStatus, Priority, Reason, ScanState

ATTEMPTS = 3
BACKOFF = (timedelta(seconds=5), timedelta(seconds=30))
RUNG_AT_ONCE = 200
WITHOUT_DETECTOR = timedelta(hours=24)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Claim:
    """A leased scan. `attempts` counts this one."""

    scan_id: uuid.UUID
    token: uuid.UUID
    asset_id: uuid.UUID
    storage_name: str
    attempts: int


@transaction.atomic
def claim(worker: str, detector: DetectorVersion, calibration: Calibration, limit: int) -> list[Claim]:
    """Lease up to `limit` fresh scans, or one that was tried before: what killed a worker takes no neighbour along."""
    now = timezone.now()
    due = _locking(Scan.objects.filter(state=ScanState.QUEUED, next_attempt_at__lte=now).order_by("priority", "pk"))
    first = due.first()
    if first is None:
        return []
    chosen = [first] if first.attempts else list(due.filter(attempts=0)[:limit])
    token = uuid.uuid4()
    taken = Scan.objects.filter(pk__in=[scan.pk for scan in chosen], state=ScanState.QUEUED)
    taken.update(
        state=ScanState.RUNNING,
        lease_token=token,
        lease_until=now + timedelta(seconds=conf().SCAN_LEASE_SECONDS),
        attempts=F("attempts") + 1,
        worker=worker,
        detector=detector,
        calibration=calibration,
    )
    leased = Scan.objects.filter(lease_token=token).select_related("asset").order_by("priority", "pk")
    ContentItem.objects.filter(scan__lease_token=token, status=ItemStatus.QUEUED).update(status=ItemStatus.RUNNING)
    return [Claim(scan.pk, token, scan.asset_id, scan.asset.storage_name, scan.attempts) for scan in leased]


def _locking(scans: QuerySet[Scan]) -> QuerySet[Scan]:
    """SKIP LOCKED where the database has it; an SQLite transaction of ours is IMMEDIATE, so already alone."""
    if connection.features.has_select_for_update_skip_locked:
        return scans.select_for_update(skip_locked=True, of=("self",))
    return scans


def record(results: Sequence[tuple[Claim, MediaReport]]) -> int:
    """Write what was found, once: a claim whose lease has gone changes nothing. Returns how many were recorded."""
    stored = [(claim, report, _store(report)) for claim, report in results]
    lost: list[str] = []
    recorded = 0
    with transaction.atomic():
        for claim, report, names in stored:
            if _record_one(claim, report, names):
                recorded += 1
            else:
                lost += names
    for name in lost:
        storages["media"].delete(name)
    return recorded


def _store(report: MediaReport) -> list[str]:
    names = []
    for derived in report.derivatives:
        token = secrets.token_hex(16)
        names.append(storages["media"].save(f"derived/{token[:2]}/{token}", ContentFile(derived.content)))
    return names


def _record_one(claim: Claim, report: MediaReport, names: Sequence[str]) -> bool:
    held = Scan.objects.filter(pk=claim.scan_id, state=ScanState.RUNNING, lease_token=claim.token)
    won = held.update(
        state=ScanState(report.status),
        reasons=list(report.reasons),
        timings=dict(report.timings),
        finished_at=timezone.now(),
        lease_token=None,
        lease_until=None,
        error="",
    )
    if not won:
        return False
    scan_id, asset_id = claim.scan_id, claim.asset_id
    if report.width:
        MediaAsset.objects.filter(pk=asset_id, width=None).update(width=report.width, height=report.height)
    DetectedFace.objects.bulk_create(_face(scan_id, at, face, report) for at, face in enumerate(report.faces))
    Derivative.objects.bulk_create(
        Derivative(
            asset_id=asset_id,
            scan_id=scan_id,
            kind=made.kind,
            face_index=made.face,
            media_type=made.media_type,
            width=made.width,
            height=made.height,
            size=len(made.content),
            storage_name=name,
        )
        for made, name in zip(report.derivatives, names, strict=True)
    )
    _judge_items(scan_id)
    return True


def _face(scan_id: uuid.UUID, index: int, scored: FaceScore, report: MediaReport) -> DetectedFace:
    face, result = scored.face, scored.result
    signals = {} if result is None else {
        name: {"score": signal.score, "p_value": signal.p_value} for name, signal in result.signals.items()
    }  # fmt: skip
    return DetectedFace(
        scan_id=scan_id,
        index=index,
        x=face.box.x / report.width,
        y=face.box.y / report.height,
        width=face.box.width / report.width,
        height=face.box.height / report.height,
        points=[[x / report.width, y / report.height] for x, y in face.points],
        native_px=face.native_px,
        sharpness=face.sharpness,
        finder_score=face.finder_score,
        reason=face.reason,
        score=result.score if result else None,
        p_value=result.p_value if result else None,
        n=result.n if result else None,
        reached=result.reached if result else None,
        bucket=result.bucket if result else "",
        signals=signals,
        layers=list(result.layers) if result else [],
    )


def _judge_items(scan_id: uuid.UUID) -> None:
    for item in ContentItem.objects.filter(scan_id=scan_id, erased_at=None).select_related("platform").order_by("pk"):
        verdicts.judge(item)


@transaction.atomic
def record_failure(claim: Claim, reason: Reason, error: str) -> None:
    """One attempt is spent. The third sets the scan aside; `storage_lost` is our fault and ends it at once."""
    if reason is Reason.STORAGE_LOST:
        _end(claim.scan_id, claim.token, ScanState.FAILED, [reason], error)
    elif claim.attempts >= ATTEMPTS:
        _end(claim.scan_id, claim.token, ScanState.QUARANTINED, [reason, Reason.ATTEMPTS_SPENT], error)
    else:
        held = Scan.objects.filter(pk=claim.scan_id, state=ScanState.RUNNING, lease_token=claim.token)
        later = timezone.now() + BACKOFF[min(claim.attempts, len(BACKOFF)) - 1]
        if held.update(
            state=ScanState.QUEUED, next_attempt_at=later, lease_token=None, lease_until=None, error=error[:300]
        ):
            _items_wait(claim.scan_id)


def _end(scan_id: uuid.UUID, token: uuid.UUID | None, state: ScanState, reasons: Sequence[str], error: str) -> bool:
    held = Scan.objects.filter(pk=scan_id, state__in=LIVE_SCAN_STATES, lease_token=token)
    won = held.update(
        state=state,
        reasons=list(dict.fromkeys(reasons)),
        error=error[:300],
        finished_at=timezone.now(),
        lease_token=None,
        lease_until=None,
    )
    if won:
        _judge_items(scan_id)
        audit.note("scan.ended", "system", f"scan:{scan_id}", state=state.value, reasons=list(reasons))
    return bool(won)


def _items_wait(scan_id: uuid.UUID) -> None:
    ContentItem.objects.filter(scan_id=scan_id, status=ItemStatus.RUNNING).update(status=ItemStatus.QUEUED)


@transaction.atomic
def give_back(claims: Iterable[Claim], *, after: timedelta = timedelta(0)) -> int:
    """Lease and attempt are returned: the worker stops, or its device is at fault (then try again `after` a while)."""
    returned = 0
    for claim in claims:
        held = Scan.objects.filter(pk=claim.scan_id, state=ScanState.RUNNING, lease_token=claim.token)
        if held.update(
            state=ScanState.QUEUED,
            attempts=F("attempts") - 1,
            next_attempt_at=timezone.now() + after,
            lease_token=None,
            lease_until=None,
        ):
            _items_wait(claim.scan_id)
            if not after:
                dispatch.ring_scan(claim.scan_id)
            returned += 1
    return returned


def sweep() -> int:
    """Take back what dead workers hold, and ring again for all that waits; returns how many were rung."""
    now = timezone.now()
    expired = Scan.objects.filter(state=ScanState.RUNNING, lease_until__lt=now)
    for scan_id, token, attempts in list(expired.values_list("pk", "lease_token", "attempts")[:RUNG_AT_ONCE]):
        with transaction.atomic():
            if attempts >= ATTEMPTS:
                _end(scan_id, token, ScanState.QUARANTINED, [Reason.ATTEMPTS_SPENT], "the worker died three times")
            elif Scan.objects.filter(pk=scan_id, lease_token=token, state=ScanState.RUNNING).update(
                state=ScanState.QUEUED, lease_token=None, lease_until=None, error="the worker died or fell silent"
            ):
                _items_wait(scan_id)
    due = Scan.objects.filter(state=ScanState.QUEUED, next_attempt_at__lte=now).order_by("priority", "pk")
    waiting = list(due.values_list("pk", flat=True)[:RUNG_AT_ONCE])
    for scan_id in waiting:
        dispatch.ring_scan(scan_id)
    return len(waiting)


@transaction.atomic
def rescan(asset: MediaAsset, *, actor: str, priority: Priority = Priority.BACKFILL) -> Scan | None:
    """Queue another run for all items of an asset; None when one is live already or its file is gone."""
    MediaAsset.objects.select_for_update().get(pk=asset.pk)
    if asset.removed_at is not None or Scan.objects.filter(asset=asset, state__in=LIVE_SCAN_STATES).exists():
        return None
    run = (Scan.objects.filter(asset=asset).aggregate(last=Max("run"))["last"] or 0) + 1
    scan = Scan.objects.create(asset=asset, run=run, priority=priority, next_attempt_at=timezone.now())
    asset.items.filter(erased_at=None).update(scan=scan, status=ItemStatus.QUEUED)
    audit.note("scan.again", actor, f"scan:{scan.pk}", asset=asset.pk, run=run)
    dispatch.ring_scan(scan.pk)
    return scan


@transaction.atomic
def fail_without_detector() -> int:
    """No worker has warmed up for a day: say so by name instead of letting items wait in silence."""
    before = timezone.now() - WITHOUT_DETECTOR
    if DetectorVersion.objects.filter(warmed_at__gte=before).exists():
        return 0
    waiting = Scan.objects.filter(state=ScanState.QUEUED, created_at__lt=before).values_list("pk", flat=True)
    return sum(
        _end(scan_id, None, ScanState.FAILED, [Reason.NO_DETECTOR], "no worker warmed up for a day")
        for scan_id in list(waiting[:RUNG_AT_ONCE])
    )


@transaction.atomic
def requeue_without_detector() -> int:
    """At a warm-up: what failed for want of a detector waits again."""
    failed = Scan.objects.filter(state=ScanState.FAILED, reasons__0=Reason.NO_DETECTOR.value)
    requeued = 0
    for scan in failed[:RUNG_AT_ONCE]:
        if Scan.objects.filter(pk=scan.pk, state=ScanState.FAILED).update(
            state=ScanState.QUEUED, finished_at=None, reasons=[], next_attempt_at=timezone.now()
        ):
            ContentItem.objects.filter(scan=scan, status=ItemStatus.FAILED).update(
                status=ItemStatus.QUEUED, reasons=[], finished_at=None
            )
            dispatch.ring_scan(scan.pk)
            requeued += 1
    return requeued
