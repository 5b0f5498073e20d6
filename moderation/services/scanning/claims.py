"""Who works on which scan: leases, attempts, and what happens when a worker fails, stops or dies.

Rows are locked in the order asset, scan, item, decision, case, here and wherever else more than one of them is, and FOR
NO KEY UPDATE, which lets foreign keys be checked meanwhile: else PostgreSQL would have to end a deadlock.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db import connection, transaction
from django.db.models import F, Max, QuerySet
from django.utils import timezone

from moderation import dispatch
from moderation.conf import conf
from moderation.models import Calibration, ContentItem, DetectorVersion, MediaAsset, Scan
from moderation.services import audit, verdicts
from moderation.vocabulary import LIVE_SCAN_STATES, ItemStatus, Priority, Reason, ScanState

ATTEMPTS = 3
BACKOFF = (timedelta(seconds=5), timedelta(seconds=30))
RUNG_AT_ONCE = 200  # messages in the queue: doorbells, each good for a batch


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
    taken = Scan.objects.filter(pk__in=[scan.pk for scan in chosen])
    taken.filter(state=ScanState.QUEUED).update(
        state=ScanState.RUNNING,
        lease_token=token,
        lease_until=now + timedelta(seconds=conf().SCAN_LEASE_SECONDS),
        attempts=F("attempts") + 1,
        worker=worker,
        detector=detector,
        calibration=calibration,
    )
    leased = list(taken.filter(lease_token=token).select_related("asset").order_by("priority", "pk"))
    items = ContentItem.objects.filter(scan__in=[scan.pk for scan in leased], status=ItemStatus.QUEUED)
    items.update(status=ItemStatus.RUNNING)
    return [Claim(scan.pk, token, scan.asset_id, scan.asset.storage_name, scan.attempts) for scan in leased]


def _locking(scans: QuerySet[Scan]) -> QuerySet[Scan]:
    """SKIP LOCKED where the database has it; an SQLite transaction of ours is IMMEDIATE, so already alone."""
    if connection.features.has_select_for_update_skip_locked:
        return scans.select_for_update(no_key=True, skip_locked=True, of=("self",))
    return scans


def held(claim: Claim) -> QuerySet[Scan]:
    """The claim's scan while its lease stands; after a sweep or an erasure: nothing."""
    return Scan.objects.filter(pk=claim.scan_id, state=ScanState.RUNNING, lease_token=claim.token)


def judge_items(scan_id: uuid.UUID) -> None:
    """Every item of a scan that has just ended gets its own verdict under its own policy."""
    for item in ContentItem.objects.filter(scan_id=scan_id, erased_at=None).select_related("platform").order_by("pk"):
        verdicts.judge(item)


@transaction.atomic
def record_failure(claim: Claim, reason: Reason, error: str) -> None:
    """One attempt is spent. The third sets the scan aside; `storage_lost` is our fault and ends it at once."""
    if reason is Reason.STORAGE_LOST:
        end(held(claim), claim.scan_id, ScanState.FAILED, [reason], error)
    elif claim.attempts >= ATTEMPTS:
        end(held(claim), claim.scan_id, ScanState.QUARANTINED, [reason, Reason.ATTEMPTS_SPENT], error)
    else:
        later = timezone.now() + BACKOFF[min(claim.attempts, len(BACKOFF)) - 1]
        _queue_again(held(claim), claim.scan_id, next_attempt_at=later, error=error[:300])


@transaction.atomic
def give_back(claims: Iterable[Claim], *, after: timedelta = timedelta(0)) -> int:
    """Lease and attempt are returned: the worker stops, or its device is at fault (then try again `after` a while)."""
    returned = 0
    for claim in claims:
        later = timezone.now() + after
        if _queue_again(held(claim), claim.scan_id, next_attempt_at=later, attempts=F("attempts") - 1):
            returned += 1
            if not after:
                dispatch.ring_scan(claim.scan_id)
    return returned


def sweep() -> int:
    """Take back what dead workers hold, and ring again for what waits; returns how many were rung.

    No more rings than fit: while no worker listens, the broker would otherwise fill with doorbells.
    """
    now = timezone.now()
    expired = Scan.objects.filter(state=ScanState.RUNNING, lease_until__lt=now)
    for scan_id, attempts in list(expired.values_list("pk", "attempts")[:RUNG_AT_ONCE]):
        with transaction.atomic():
            if attempts >= ATTEMPTS:
                end(expired, scan_id, ScanState.QUARANTINED, [Reason.ATTEMPTS_SPENT], "the worker died three times")
            else:
                _queue_again(expired, scan_id, error="the worker died or fell silent")
    due = Scan.objects.filter(state=ScanState.QUEUED, next_attempt_at__lte=now).order_by("priority", "pk")
    waiting = list(due.values_list("pk", flat=True)[: max(0, RUNG_AT_ONCE - dispatch.depth(dispatch.SCAN_QUEUE))])
    for scan_id in waiting:
        dispatch.ring_scan(scan_id)
    return len(waiting)


def _queue_again(scans: QuerySet[Scan], scan_id: uuid.UUID, **changed: object) -> bool:
    won = scans.filter(pk=scan_id).update(state=ScanState.QUEUED, lease_token=None, lease_until=None, **changed)
    if won:
        ContentItem.objects.filter(scan_id=scan_id, status=ItemStatus.RUNNING).update(status=ItemStatus.QUEUED)
    return bool(won)


def end(scans: QuerySet[Scan], scan_id: uuid.UUID, state: ScanState, reasons: Sequence[str], error: str) -> bool:
    """End a scan that is still among `scans`, without a result, in the caller's transaction; False: it is not."""
    won = scans.filter(pk=scan_id).update(
        state=state,
        reasons=list(dict.fromkeys(reasons)),
        error=error[:300],
        finished_at=timezone.now(),
        lease_token=None,
        lease_until=None,
    )
    if won:
        judge_items(scan_id)
        audit.note("scan.ended", "system", f"scan:{scan_id}", state=state.value, reasons=list(reasons))
    return bool(won)


@transaction.atomic
def rescan(asset: MediaAsset, *, actor: str, priority: Priority = Priority.BACKFILL) -> Scan | None:
    """Queue another run for all items of an asset; None when one is live already or its file is gone."""
    found = MediaAsset.objects.select_for_update(no_key=True).filter(pk=asset.pk).first()
    if found is None:  # erased meanwhile
        return None
    asset = found
    if (
        asset.removed_at is not None
        or asset.locked_at is not None
        or Scan.objects.filter(asset=asset, state__in=LIVE_SCAN_STATES).exists()
    ):
        return None
    run = (Scan.objects.filter(asset=asset).aggregate(last=Max("run"))["last"] or 0) + 1
    scan = Scan.objects.create(asset=asset, run=run, priority=priority, next_attempt_at=timezone.now())
    asset.items.filter(erased_at=None).update(scan=scan, status=ItemStatus.QUEUED, reasons=[], finished_at=None)
    audit.note("scan.again", actor, f"scan:{scan.pk}", asset=asset.pk, run=run)
    dispatch.ring_scan(scan.pk)
    return scan
