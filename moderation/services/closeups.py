"""The lossless picture and the enhanced views of a case: made by a worker, stored beside the other derivatives.

The case's row is the queue (`views_due_at`): a ring only makes it quicker, a sweeper finds what was lost.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from deepfake_guard.detector.records import Derived
from moderation import dispatch, media_store, queries
from moderation.filing import DERIVED
from moderation.models import Derivative, MediaAsset, ReviewCase
from moderation.vocabulary import CaseState, DerivativeKind

UNDECIDED = (CaseState.OPEN, CaseState.SETTLING)  # of what is locked no picture is made
TRIES = 3
AGAIN_AFTER = timedelta(minutes=5)  # above the task's time limit, so that no two workers make the same
RUNG_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Wanted:
    """A picture to look at closely."""

    case_number: int
    scan_id: uuid.UUID
    asset_id: uuid.UUID
    storage_name: str


def claim(case_number: int) -> Wanted | None:
    """One try at a case whose views are due; None when there is nothing to make for it (any more)."""
    now = timezone.now()
    due = ReviewCase.objects.filter(pk=case_number, views_due_at__lte=now, state__in=UNDECIDED)
    if not due.update(views_due_at=now + AGAIN_AFTER, views_tries=F("views_tries") + 1):
        return None
    case = ReviewCase.objects.select_related("item__asset", "item__scan").get(pk=case_number)
    asset, scan = case.item.asset, queries.shown_scan(case.item)
    made = scan is not None and _are_made(scan.pk)
    if case.views_tries > TRIES or made or scan is None or asset is None or asset.removed_at or asset.locked_at:
        end(case_number)
        return None
    return Wanted(case_number, scan.pk, asset.pk, asset.storage_name)


def end(case_number: int) -> None:
    """They are made, or cannot be made: the page says so, and no worker comes back to it."""
    ReviewCase.objects.filter(pk=case_number).update(views_due_at=None)


def record(wanted: Wanted, made: Sequence[Derived]) -> bool:
    """Stores the views; False when the picture went meanwhile or somebody else was quicker, and then keeps no file."""
    names = [media_store.save(DERIVED, derived.content) for derived in made]
    kept = _record(wanted, made, names)
    if not kept:
        media_store.discard(names)
    return kept


@transaction.atomic
def _record(wanted: Wanted, made: Sequence[Derived], names: Sequence[str]) -> bool:
    shown = MediaAsset.objects.filter(pk=wanted.asset_id, removed_at=None, locked_at=None)
    kept = shown.select_for_update(no_key=True).first() is not None and not _are_made(wanted.scan_id)
    if kept:
        Derivative.objects.bulk_create(
            Derivative(
                asset_id=wanted.asset_id,
                scan_id=wanted.scan_id,
                kind=derived.kind,
                media_type=derived.media_type,
                width=derived.width,
                height=derived.height,
                size=len(derived.content),
                storage_name=name,
            )
            for derived, name in zip(made, names, strict=True)
        )
    end(wanted.case_number)
    return kept


def _are_made(scan_id: uuid.UUID) -> bool:
    return Derivative.objects.filter(scan=scan_id, kind=DerivativeKind.INSPECT).exists()


def sweep() -> int:
    """Rings for what is due and was not made; returns how often."""
    room = max(0, RUNG_AT_ONCE - dispatch.depth(dispatch.VIEWS_QUEUE))
    due = ReviewCase.objects.filter(views_due_at__lte=timezone.now(), state__in=UNDECIDED)
    waiting = list(due.order_by("views_due_at").values_list("pk", flat=True)[:room])
    for number in waiting:
        dispatch.ring_views(number)
    return len(waiting)
