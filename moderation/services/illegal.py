"""Suspected illegal content: one action stops the case and hides the picture; people with `handle_illegal` go on.

Nothing is deleted: the item is under legal hold until somebody with that permission releases it (docs/console.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext

from moderation.models import FREE, ContentItem, Decision, GoldItem, IllegalRecord, MediaAsset, ReviewCase
from moderation.services import audit, cases, quality, verdicts
from moderation.vocabulary import CasePurpose, CaseState, DecisionState, IllegalKind, Reason, RecordState

LONGEST_NOTE = 2000


class LockedAlready(Exception):
    """Somebody else has locked the case, or it has been handled since."""


@transaction.atomic
def lock(case: ReviewCase, user: User, kind: IllegalKind, note: str = "") -> IllegalRecord:
    """Stop the case whoever holds it, hide its picture wherever it lies, tell the platform. Raises LockedAlready."""
    item = _locked_rows(case)
    now = timezone.now()
    asked = ReviewCase.objects.filter(item=item, purpose=CasePurpose.REVIEW).order_by("-number")
    case = asked.exclude(state=CaseState.CLOSED).first() or asked.first() or _case_of_its_own(item)
    if case.state == CaseState.LOCKED or item.is_locked:
        raise LockedAlready(f"case {case.pk}")
    same = list(ContentItem.objects.filter(asset=item.asset_id, erased_at=None)) if item.asset_id else [item]
    _stop(same, user, now)
    record = IllegalRecord.objects.create(
        case=case, kind=IllegalKind(kind), note=note.replace("\0", "").strip()[:LONGEST_NOTE],
        facts=_facts(item), marked_by=user,
    )  # fmt: skip
    audit.note("illegal.locked", f"user:{user.pk}", f"case:{case.pk}", record=record.pk, kind=record.kind)
    MediaAsset.objects.filter(items=item).update(locked_at=now)
    for other in same:
        verdicts.lock(other, case if other.pk == item.pk else None)
    return record


def _stop(items: Sequence[ContentItem], user: User, now: datetime) -> None:
    """What is being asked or decided about them now, and what would be asked again."""
    checks = ReviewCase.objects.exclude(state=CaseState.CLOSED).exclude(purpose=CasePurpose.REVIEW)
    checks.filter(item__in=items).update(state=CaseState.CLOSED, closed_at=now, **FREE)
    Decision.objects.filter(case__item__in=items, state=DecisionState.PENDING).update(
        state=DecisionState.VOID, void_reason=Reason.SUSPECTED_ILLEGAL, settled_at=now
    )
    for gold in GoldItem.objects.filter(item__in=items, retired_at=None):
        quality.retire(gold, actor=f"user:{user.pk}")


def _case_of_its_own(item: ContentItem) -> ReviewCase:
    """It was found by a check of the desk: it has had no case that counts."""
    return cases.open_case(item, [Reason.SUSPECTED_ILLEGAL])[0]


def _locked_rows(case: ReviewCase) -> ContentItem:
    """The item, under its asset's lock and its own, in the order in which everybody takes them."""
    list(MediaAsset.objects.select_for_update(no_key=True, of=("self",)).filter(items__cases=case).values_list("pk"))
    items = ContentItem.objects.select_for_update(no_key=True, of=("self",))
    return items.select_related("platform", "asset").get(cases=case)


def _facts(item: ContentItem) -> dict[str, Any]:
    asset = item.asset
    file = {
        "sha256": asset.sha256,
        "media_type": asset.media_type,
        "bytes": asset.size,
        "width": asset.width,
        "height": asset.height,
    } if asset else {}  # fmt: skip
    return {
        "platform": item.platform.name,
        "external_id": item.external_id,
        "revision": item.revision,
        "item_id": str(item.pk),
        "received_at": item.created_at.isoformat(),
        "author_digest": item.author_digest,
        **file,
    }


@transaction.atomic
def reported(record: IllegalRecord, user: User, *, authority: str, reference: str, note: str = "") -> bool:
    """It was reported to an authority: the case and those of equal copies close, the picture stays locked and kept.

    False: handled already.
    """
    if not authority.strip() or not reference.strip():
        raise ValueError(gettext("name the authority and its reference"))
    given = {"authority": authority.strip()[:200], "reference": reference.strip()[:200]}
    item = _locked_rows(record.case)
    if not _end(record, user, RecordState.REPORTED, note, **given):
        return False
    for case in _waiting(record, item):
        ReviewCase.objects.filter(pk=case.pk).update(state=CaseState.CLOSED, closed_at=timezone.now())
        if case.pk != record.case_id:
            audit.note("illegal.reported", f"user:{user.pk}", f"case:{case.pk}", record=record.pk)
    return True


@transaction.atomic
def release(record: IllegalRecord, user: User, *, why: str) -> bool:
    """It was not what it was taken for: the picture is shown again, and a senior decides. False: handled already."""
    if not why.strip():
        raise ValueError(gettext("say why it is released"))
    item = _locked_rows(record.case)
    if not _end(record, user, RecordState.RELEASED, why):
        return False
    MediaAsset.objects.filter(items=item).update(locked_at=None)
    ContentItem.objects.filter(asset=item.asset_id, asset__isnull=False).update(legal_hold=False)
    ContentItem.objects.filter(pk=item.pk).update(legal_hold=False)
    for case in _waiting(record, item):
        ReviewCase.objects.filter(pk=case.pk).update(state=CaseState.OPEN, **FREE)
        cases.hand_to_seniors(case, Reason.SUSPECTED_ILLEGAL)
    return True


def _waiting(record: IllegalRecord, item: ContentItem) -> QuerySet[ReviewCase]:
    """The locked cases that the record is about: its own, and those of equal copies."""
    locked = ReviewCase.objects.filter(state=CaseState.LOCKED)
    return locked.filter(item__asset=item.asset_id) if item.asset_id else locked.filter(pk=record.case_id)


def viewed(record: IllegalRecord, user: User) -> None:
    """Each look at a locked picture is written down."""
    audit.note("illegal.viewed", f"user:{user.pk}", f"case:{record.case_id}", record=record.pk)


def exported(record: IllegalRecord, user: User) -> None:
    audit.note("illegal.exported", f"user:{user.pk}", f"case:{record.case_id}", record=record.pk)


def _end(record: IllegalRecord, user: User, state: RecordState, note: str, **given: str) -> bool:
    opened = IllegalRecord.objects.filter(pk=record.pk, state=RecordState.OPEN)
    if not opened.update(
        state=state, handled_by=user, handled_at=timezone.now(), outcome_note=note.strip()[:LONGEST_NOTE], **given
    ):
        return False
    audit.note(f"illegal.{state.value}", f"user:{user.pk}", f"case:{record.case_id}", record=record.pk)
    return True
