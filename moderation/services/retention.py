"""Erasure on request, retention by age, and files that no row knows (design.md §4.13).

Erasing leaves a tombstone: the item's row with the platform's own id, and verdicts, which hold numbers and codes alone.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from moderation import filing, media_store
from moderation.conf import TURN_SECONDS
from moderation.models import (
    FREE,
    OPEN_DELIVERY,
    Appeal,
    ContentItem,
    Decision,
    Derivative,
    Event,
    Fetch,
    IdempotencyKey,
    ImportedDecision,
    Label,
    MediaAsset,
    Opinion,
    Platform,
    ReviewCase,
    Scan,
    UserReport,
    Verdict,
    WebhookDelivery,
)
from moderation.models.rows import insert
from moderation.services import audit, case_words, room
from moderation.vocabulary import (
    LIVE_SCAN_STATES,
    Basis,
    CaseState,
    DecisionState,
    DeliveryState,
    ItemStatus,
    Outcome,
    Reason,
)

ANSWERS_KEPT = timedelta(hours=24)
ORPHAN_AGE = timedelta(hours=1)  # an upload streams for less; its row comes after its file
BATCH = 500

log = structlog.get_logger(__name__)


class Held(Exception):
    """A legal hold beats erasure and retention; the API answers 409."""


@transaction.atomic
def erase(item: ContentItem, *, actor: str) -> bool:
    """Erases content and everything told about it; the asset goes with its last item. False when erased already.

    A scan at work finds its row gone (or the item detached) and records nothing for it. Raises Held.
    """
    _lock_asset_and_scan(item)
    found = ContentItem.objects.select_for_update(no_key=True).get(pk=item.pk)
    if found.legal_hold:
        raise Held(str(item.pk))
    now = timezone.now()
    if not ContentItem.objects.filter(pk=item.pk, erased_at=None).update(
        erased_at=now, asset=None, scan=None, author_digest="", context={}, reasons=[]
    ):
        return False
    Fetch.objects.filter(item=item).delete()
    _close_cases(item, now)
    _empty_events(item)
    IdempotencyKey.objects.filter(item=item).delete()
    dropped = found.asset_id is not None and _drop_unused(found.asset_id)
    audit.note("item.erased", actor, f"item:{item.pk}", asset_dropped=dropped)
    return True


def _lock_asset_and_scan(item: ContentItem) -> None:
    """Before the item's row: in this order workers lock them too, so that neither waits for the other for ever."""
    assets = MediaAsset.objects.select_for_update(no_key=True, of=("self",)).filter(items=item)
    scans = Scan.objects.select_for_update(no_key=True, of=("self",)).filter(
        asset__items=item, state__in=LIVE_SCAN_STATES
    )
    list(assets.values_list("pk"))
    list(scans.order_by("pk").values_list("pk"))


def _close_cases(item: ContentItem, now: datetime) -> None:
    Decision.objects.filter(case__item=item, state=DecisionState.PENDING).update(
        state=DecisionState.VOID, void_reason=Reason.ITEM_ERASED, settled_at=now
    )
    Opinion.objects.filter(case__item=item).update(note="")
    case_words.forget(item)
    Appeal.objects.filter(case__item=item).update(text="")
    UserReport.objects.filter(item=item).delete()
    Label.objects.filter(item=item).delete()
    ImportedDecision.objects.filter(platform=item.platform_id, external_id=item.external_id).delete()
    ReviewCase.objects.filter(item=item).exclude(state=CaseState.CLOSED).update(
        state=CaseState.CLOSED, closed_at=now, **FREE
    )


def _empty_events(item: ContentItem) -> None:
    """Numbers stay (a cursor has no holes), payloads and stored answers go, and what was not sent stays unsent."""
    Event.objects.filter(item=item).update(payload={"data": {"item_id": str(item.pk), "erased": True}})
    deliveries = WebhookDelivery.objects.filter(event__item=item)
    deliveries.update(answer_excerpt="", last_error="")
    deliveries.filter(OPEN_DELIVERY).update(
        state=DeliveryState.FAILED, lease_token=None, lease_until=None, last_error=Reason.ITEM_ERASED
    )


def _drop_unused(asset_id: UUID) -> bool:
    """Locks the asset first, so that an upload of equal content either comes before (and keeps it) or after."""
    asset = MediaAsset.objects.select_for_update().get(pk=asset_id)
    if asset.items.exists():
        return False
    names = [*asset.derivatives.values_list("storage_name", flat=True), asset.storage_name]
    Scan.objects.filter(asset=asset).update(lease_token=None, lease_until=None)
    if asset.removed_at is None:
        insert(room.change(asset.platform_id, -asset.size))
    asset.delete()
    _delete_files_on_commit(names)
    return True


def _delete_files_on_commit(names: Iterable[str]) -> None:
    """After commit: a rollback must not have deleted anything. What a crash leaves, `purge_orphans` finds."""

    transaction.on_commit(lambda: media_store.discard(names))


def forget_answers() -> int:
    """Deletes the stored answers of idempotent calls past 24 h; returns how many."""
    return IdempotencyKey.objects.filter(created_at__lt=timezone.now() - ANSWERS_KEPT).delete()[0]


def purge_expired(seconds: float = TURN_SECONDS) -> int:
    """Removes media and derivatives that are past their platform's days; returns how many assets, one at least.

    Never while a scan or case of any item of the asset is open, its verdict asks for review, it is held or a gold item.
    When the time is up the rest is the next turn's; platforms come in any order, so that none waits for another's rest.
    """
    now, until = timezone.now(), time.monotonic() + seconds
    purged = 0
    for platform in Platform.objects.order_by("?"):
        expired = _expired(platform, now)
        while batch := list(expired.values_list("pk", flat=True)[:BATCH]):
            before = purged
            for asset_id in batch:
                purged += _remove_media(expired, asset_id, now)
                if purged and time.monotonic() >= until:
                    return purged
            if purged == before:  # all of them were used again just now
                break
    return purged


def _expired(platform: Platform, now: datetime) -> QuerySet[MediaAsset]:
    allowed_before = now - timedelta(days=platform.retain_allowed_days)
    decided_before = now - timedelta(days=platform.retain_decided_days)
    concluded = Verdict.objects.filter(item=OuterRef("pk"), current=True).exclude(outcome=Outcome.REVIEW)
    past = concluded.filter(
        Q(basis=Basis.POLICY, outcome=Outcome.ALLOW, created_at__lt=allowed_before) | Q(created_at__lt=decided_before)
    )
    open_cases = ReviewCase.objects.filter(item=OuterRef("pk")).exclude(state=CaseState.CLOSED)
    needed = ContentItem.objects.filter(asset=OuterRef("pk")).filter(
        Q(legal_hold=True)
        | Exists(open_cases)
        | Q(gold__retired_at=None, gold__isnull=False)
        | (~Exists(past) & ~Q(status=ItemStatus.FAILED, finished_at__lt=decided_before))  # a failed one has no verdict
    )
    live = Scan.objects.filter(asset=OuterRef("pk"), state__in=LIVE_SCAN_STATES)
    old = MediaAsset.objects.filter(created_at__lt=max(allowed_before, decided_before))  # no verdict on it is older
    return old.filter(~Exists(needed), ~Exists(live), platform=platform, removed_at=None).order_by("created_at")


@transaction.atomic
def _remove_media(expired: QuerySet[MediaAsset], asset_id: UUID, now: datetime) -> int:
    """Under the row's lock and looked at again: 1 when removed, 0 when an upload or a rescan came between."""
    asset = expired.select_for_update(no_key=True, of=("self",)).filter(pk=asset_id).first()
    if asset is None or not MediaAsset.objects.filter(pk=asset_id, removed_at=None).update(removed_at=now):
        return 0
    derivatives = Derivative.objects.filter(asset=asset)
    names = [*derivatives.values_list("storage_name", flat=True), asset.storage_name]
    derivatives.delete()
    insert(room.change(asset.platform_id, -asset.size))
    audit.note("media.expired", "system", f"asset:{asset.pk}")
    _delete_files_on_commit(names)
    return 1


def purge_orphans(seconds: float = TURN_SECONDS) -> int:
    """Deletes the guard's files older than an hour that no row names; returns how many. A host's are let be.

    Shelf by shelf until the time is up, one at least: in any order, so that what one turn leaves comes up in another.
    """
    before, until = timezone.now() - ORPHAN_AGE, time.monotonic() + seconds
    folders = {folder: filter(filing.SHELF.fullmatch, media_store.listed(folder)[0]) for folder in filing.FOLDERS}
    shelves = [f"{folder}/{shelf}" for folder, found in folders.items() for shelf in found]
    random.shuffle(shelves)
    deleted = 0
    for shelf in shelves:
        names = [f"{shelf}/{file}" for file in media_store.listed(shelf)[1]]
        ours = list(filter(filing.OURS.fullmatch, names))
        for start in range(0, len(ours), BATCH):
            deleted += _delete_unknown(ours[start : start + BATCH], before)
        if time.monotonic() >= until:
            break
    return deleted


def _delete_unknown(names: list[str], before: datetime) -> int:
    known = set(
        MediaAsset.objects.filter(storage_name__in=names, removed_at=None).values_list("storage_name", flat=True)
    )
    known |= set(Derivative.objects.filter(storage_name__in=names).values_list("storage_name", flat=True))
    return media_store.discard(name for name in names if name not in known and _is_older(name, before))


def _is_older(name: str, before: datetime) -> bool:
    try:
        return media_store.modified_at(name) < before
    except OSError as error:  # its upload was refused and cleaned up meanwhile, or the storage cannot say
        log.info("file_of_unknown_age", name=name, error=str(error))
        return False
