"""Uploads become items: inspected, hashed while streaming into storage, all in one transaction (design.md §4.12)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.core.files.base import File
from django.db import IntegrityError, connection, transaction
from django.db.models import Max
from django.utils import timezone

from moderation import dispatch, intake, media_store
from moderation.conf import conf
from moderation.filing import ORIGINALS
from moderation.models import (
    AuditEntry,
    Calibration,
    ContentItem,
    MediaAsset,
    Platform,
    PolicyVersion,
    Scan,
)
from moderation.models.rows import insert
from moderation.services import audit, limits, platforms, room, verdicts
from moderation.vocabulary import LIVE_SCAN_STATES, ItemSource, ItemStatus, Priority, ScanState

T = TypeVar("T")
ANYTHING_KNOWN = f"""SELECT EXISTS (SELECT 1 FROM {MediaAsset._meta.db_table} WHERE platform_id = %s AND sha256 = %s)
    OR EXISTS (SELECT 1 FROM {ContentItem._meta.db_table} WHERE platform_id = %s AND external_id = %s)"""  # noqa: S608
RACES = 5  # each lost insert race is answered by reading what the winner wrote


@dataclass(frozen=True, slots=True)
class Submission:
    item: ContentItem
    created: bool


@dataclass(frozen=True, slots=True)
class Particulars:
    """What is said of content beside its bytes. `policy`: the version that judges it; None: the one in force then."""

    external_id: str
    actor: str
    source: ItemSource = ItemSource.API
    priority: Priority = Priority.NORMAL
    author_ref: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)
    policy: PolicyVersion | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    name: str
    sha256: str
    size: int
    found: intake.Inspected


def submit(
    platform: Platform,
    upload: File,  # type: ignore[type-arg]
    *,
    external_id: str,
    source: ItemSource = ItemSource.API,
    priority: Priority = Priority.NORMAL,
    author_ref: str = "",
    context: Mapping[str, Any] | None = None,
    policy: PolicyVersion | None = None,
    actor: str,
) -> Submission:
    """As `take`, with the particulars spelled out."""
    return take(
        platform, upload, Particulars(external_id, actor, source, priority, author_ref, dict(context or {}), policy)
    )


def take(platform: Platform, upload: File, told: Particulars) -> Submission:  # type: ignore[type-arg]
    """Take in one upload (a seekable file with a size). Raises intake.Refused; then nothing of it is kept.

    The same external_id with equal content gives the item there is; with other content it makes a new revision.
    """
    limits.check_quota(platform)
    stored = store(platform, upload)
    return keep(stored, lambda: _write(platform, stored, told))


def keep(stored: Stored, write: Callable[[], tuple[T, bool]]) -> T:
    """Runs `write` in a transaction, anew after a lost race; the file goes unless it says that it used it."""
    used = False
    try:
        for attempt in range(RACES):
            try:
                with transaction.atomic():
                    made, used = write()
                return made
            except IntegrityError:
                if attempt == RACES - 1:
                    raise
        raise AssertionError("unreachable")
    finally:
        if not used:
            media_store.discard([stored.name])


def store(platform: Platform, upload: File) -> Stored:  # type: ignore[type-arg]
    """Inspects and stores an upload. Raises intake.Refused, and media_store.StorageFault."""
    values = conf()
    bounds = intake.Limits(values.MAX_UPLOAD_BYTES, values.MAX_PIXELS, values.MAX_FRAMES, values.ALLOW_BMP_TIFF)
    found = intake.inspect(upload, upload.size, bounds)  # type: ignore[arg-type]
    room.check(platform, upload.size)
    known = getattr(upload, "sha256", "")  # counted while it came in: then a storage on the same disk only moves it
    digest = known or _digest(upload)  # not while it is stored: a folder reads by chunks, a bucket as it likes
    return Stored(media_store.save(ORIGINALS, upload), digest, upload.size, found)


def _digest(upload: File) -> str:  # type: ignore[type-arg]
    digest = hashlib.sha256()
    for chunk in upload.chunks():
        digest.update(chunk)
    return digest.hexdigest()


def screen(platform: Platform, stored: Stored, priority: int) -> tuple[MediaAsset, Scan, bool]:
    """The platform's asset and scan of this content, in the caller's transaction; and whether it uses the file."""
    asset, used, new = _asset(platform, stored)
    return asset, _new_scan(asset, 1, priority) if new else _scan(asset, priority), used


def _write(platform: Platform, stored: Stored, told: Particulars) -> tuple[Submission, bool]:
    if not _anything_known(platform, stored.sha256, told.external_id):
        return Submission(_first(platform, stored, told), created=True), True
    asset, used, new = _asset(platform, stored)
    earlier = latest(platform, told.external_id)
    if earlier is not None and earlier.asset_id == asset.pk and earlier.status != ItemStatus.FAILED:
        return Submission(earlier, created=False), used
    scan = _new_scan(asset, 1, told.priority) if new else _scan(asset, told.priority)
    if earlier is not None and earlier.asset_id == asset.pk:  # failed through us: the same item, screened after all
        ContentItem.objects.filter(pk=earlier.pk, status=ItemStatus.FAILED).update(
            scan=scan, status=ItemStatus.QUEUED, reasons=[], finished_at=None
        )
        earlier.refresh_from_db()
        return Submission(earlier, created=False), used
    status = ItemStatus.RUNNING if scan.state == ScanState.RUNNING else ItemStatus.QUEUED
    item = new_item(platform, told, earlier, asset=asset, scan=scan, status=status)
    if scan.state not in LIVE_SCAN_STATES:
        verdicts.judge(item)
        item.refresh_from_db()
    return Submission(item, created=True), used


def _anything_known(platform: Platform, sha256: str, external_id: str) -> bool:
    """One cheap question for the usual upload, which has nothing yet. Who comes between wins the insert race."""
    owner = Platform._meta.pk.get_db_prep_value(platform.pk, connection)
    with connection.cursor() as cursor:
        cursor.execute(ANYTHING_KNOWN, [owner, sha256, owner, external_id])
        return bool(cursor.fetchone()[0])


def _first(platform: Platform, stored: Stored, told: Particulars) -> ContentItem:
    """Asset, scan, item and its audit entry, in one trip to the database."""
    limits.take_item(platform)
    asset = _new_asset(platform, stored)
    scan = Scan(asset=asset, priority=told.priority, next_attempt_at=timezone.now())
    item = _revision(platform, told, None, asset=asset, scan=scan, status=ItemStatus.QUEUED)
    insert(asset, scan, item, _submitted(item, told), room.change(platform.pk, asset.size))
    dispatch.ring_scan(scan.pk)
    return item


def latest(platform: Platform, external_id: str) -> ContentItem | None:
    """The newest revision of what the platform calls so."""
    return ContentItem.objects.filter(platform=platform, external_id=external_id).order_by("-revision").first()


def new_item(platform: Platform, told: Particulars, earlier: ContentItem | None, **given: Any) -> ContentItem:
    """The next revision, in the caller's transaction. Raises IntegrityError when another one came first.

    Raises intake.Refused when the platform's items for today are used up.
    """
    limits.take_item(platform)
    item = _revision(platform, told, earlier, **given)
    insert(item, _submitted(item, told))
    return item


def _revision(platform: Platform, told: Particulars, earlier: ContentItem | None, **given: Any) -> ContentItem:
    return ContentItem(
        platform=platform,
        external_id=told.external_id,
        revision=earlier.revision + 1 if earlier else 1,
        source=told.source,
        priority=told.priority,
        author_digest=platforms.author_digest(platform, told.author_ref),
        context=told.context,
        policy=told.policy,
        **given,
    )


def _submitted(item: ContentItem, told: Particulars) -> AuditEntry:
    detail = {"platform": item.platform_id, "revision": item.revision}
    return audit.entry("item.submitted", told.actor, f"item:{item.pk}", **detail)


def _new_asset(platform: Platform, stored: Stored) -> MediaAsset:
    found = stored.found
    return MediaAsset(
        platform=platform,
        sha256=stored.sha256,
        size=stored.size,
        media_type=found.media_type,
        width=found.width,
        height=found.height,
        frames=found.frames,
        storage_name=stored.name,
    )


def _asset(platform: Platform, stored: Stored) -> tuple[MediaAsset, bool, bool]:
    """The platform's one asset of this content, locked; whether it uses the file just stored; whether it is new."""
    asset = MediaAsset.objects.select_for_update(no_key=True).filter(platform=platform, sha256=stored.sha256).first()
    if asset is None:
        asset = _new_asset(platform, stored)
        insert(asset, room.change(platform.pk, asset.size))
        return asset, True, True
    if asset.removed_at is not None or not media_store.exists(asset.storage_name):
        # retention deleted the file, or it was lost; equal content has come back
        if asset.removed_at is not None:
            insert(room.change(platform.pk, asset.size))
        asset.storage_name, asset.removed_at = stored.name, None
        asset.save(update_fields=["storage_name", "removed_at"])
        return asset, True, False
    return asset, False, False


def _scan(asset: MediaAsset, priority: int) -> Scan:
    """The live scan (locked, so that it cannot be recorded meanwhile), a current one, or a new one."""
    live = Scan.objects.select_for_update(no_key=True).filter(asset=asset, state__in=LIVE_SCAN_STATES).first()
    if live is not None:
        if live.priority > priority:
            Scan.objects.filter(pk=live.pk, state=ScanState.QUEUED).update(priority=priority)
        return live
    if asset.locked_at is not None and (last := Scan.objects.filter(asset=asset).order_by("-run").first()):
        return last  # no worker makes another picture of it
    current = _current(asset)
    if current is not None:
        return current
    run = (Scan.objects.filter(asset=asset).aggregate(last=Max("run"))["last"] or 0) + 1
    return _new_scan(asset, run, priority)


def _new_scan(asset: MediaAsset, run: int, priority: int) -> Scan:
    scan = Scan(asset=asset, run=run, priority=priority, next_attempt_at=timezone.now())
    insert(scan)
    dispatch.ring_scan(scan.pk)
    return scan


def _current(asset: MediaAsset) -> Scan | None:
    """A finished scan by the detector and calibration that are in use now, with its pictures still there."""
    calibration = Calibration.in_use()
    if calibration is None:
        return None
    finished = Scan.objects.filter(
        asset=asset, detector=calibration.detector, calibration=calibration, finished_at__isnull=False
    )
    scan = finished.order_by("-run").first()
    if scan is None or scan.state not in {ScanState.DONE, ScanState.NOT_APPLICABLE}:
        return None
    return scan if scan.state == ScanState.NOT_APPLICABLE or scan.derivatives.exists() else None
