"""Pictures of the site that the guard is installed in: submitted, followed, erased, and their outcomes told.

What is to be done stands in a row that is written with the site's own change; whoever committed it does it at once, and
what a crash or an outage left undone the sweeper finds.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from django.apps import apps
from django.db import connection, models, transaction
from django.db.models import F, QuerySet
from django.db.models.fields.files import FieldFile
from django.utils import timezone

from moderation import dispatch, intake, registry
from moderation.models import ContentItem, HostedImage, Platform, Verdict
from moderation.registry import Registered
from moderation.services import platforms, retention, submission, verdicts
from moderation.signals import case_decided, item_screened
from moderation.vocabulary import Basis, ItemSource, Outcome, Priority, Reason

ACTOR = "host"
GRACE = timedelta(seconds=60)  # for the process that committed; then the sweeper may come
LONGEST_WAIT = timedelta(hours=1)
PASSING = {Reason.QUOTA_EXCEEDED, Reason.STORAGE_FULL}  # there may be room later

log = structlog.get_logger(__name__)


def pk_of(instance: models.Model) -> str:
    """The primary key as this database keeps it, which is what a query can compare a cast one with."""
    field = instance._meta.concrete_model._meta.pk  # type: ignore[union-attr]  # every concrete model has one
    return str(field.get_db_prep_value(instance.pk, connection))


def row_of(registered: Registered, instance: models.Model) -> HostedImage | None:
    rows = HostedImage.objects.select_related("item")
    return rows.filter(model=registered.model, field=registered.field, object_pk=pk_of(instance)).first()


def want(registered: Registered, instance: models.Model, priority: Priority = Priority.NORMAL) -> None:
    """In the transaction that saves the object: its picture is to be screened, at once after the commit."""
    changed = {
        "platform": _platform(registered.policy),
        "external_id": registered.external_id_of(instance)[:200],
        "file_name": getattr(instance, registered.field).name,
        "priority": priority,
        "item": None,
        "attempts": 0,
        "refused": "",
        "told": None,
        "gone_at": None,
        "due_at": timezone.now() + GRACE,
    }
    row, _ = HostedImage.objects.update_or_create(
        model=registered.model,
        field=registered.field,
        object_pk=pk_of(instance),
        defaults={**changed, "version": F("version") + 1},
        create_defaults=changed,
    )
    _after_commit(row.pk)


def leave(registered: Registered, instance: models.Model) -> None:
    """In the transaction that deletes the object, or empties the field: what the guard holds of it is to be erased."""
    row = row_of(registered, instance)
    if row is None:
        return
    now = timezone.now()
    HostedImage.objects.filter(pk=row.pk).update(gone_at=now, due_at=now + GRACE, attempts=0, version=F("version") + 1)
    _after_commit(row.pk)


def leave_lost(rows: QuerySet[HostedImage]) -> int:
    """Of objects that went in a way that Django tells nobody; returns how many."""
    pks = list(rows.values_list("pk", flat=True))
    for pk in pks:
        HostedImage.objects.filter(pk=pk).update(
            gone_at=timezone.now(), due_at=timezone.now(), version=F("version") + 1
        )
        bring_on(pk)
    return len(pks)


def hear(verdict: Verdict, **_: Any) -> None:
    """Of each verdict, in the transaction that writes it."""
    if not registry.everything():  # a guard that stands alone asks nothing more of its database
        return
    rows = HostedImage.objects.filter(item=verdict.item_id, gone_at=None)
    pks = list(rows.values_list("pk", flat=True))
    if pks:
        rows.update(due_at=timezone.now() + GRACE)
    for pk in pks:
        _after_commit(pk)


def _after_commit(pk: UUID) -> None:
    """`robust`: what goes wrong here is logged, and never fails the site's own request; the row stays due."""
    transaction.on_commit(lambda: bring_on(pk), robust=True)


def sweep(limit: int = 500) -> int:
    """What is overdue; returns how many. A row that raises has been put off first, and does not stop the next sweep."""
    due = HostedImage.objects.filter(due_at__lte=timezone.now()).order_by("due_at")
    pks = list(due.values_list("pk", flat=True)[:limit])
    for pk in pks:
        bring_on(pk)
    return len(pks)


def bring_on(pk: UUID) -> None:
    """Do what is left to do for a row."""
    row = HostedImage.objects.select_related("platform", "item").filter(pk=pk, due_at__isnull=False).first()
    if row is None:
        return
    again_at = timezone.now() + min(GRACE * 2 ** min(row.attempts, 10), LONGEST_WAIT)
    if not _settle(row, due_at=again_at, attempts=row.attempts + 1):
        return  # somebody else is at it, or the picture has changed meanwhile
    row.due_at = again_at
    if row.gone_at is not None:
        _erase(row)
        return
    registered = registry.named(row.model, row.field)
    if registered is None:  # this process lacks the site's code, or the site does not screen it any more: no reason to
        log.warning("not_registered", field=f"{row.model}.{row.field}")  # erase anything
        return
    instance = _object_of(row)
    file = getattr(instance, row.field) if instance is not None else None
    if instance is None or not file:  # deleted or emptied in a way that Django tells nobody
        _settle(row, gone_at=timezone.now(), due_at=timezone.now())
    elif row.item is None:
        _submit(row, registered, instance, file)
    else:
        _tell(row, registered, instance, row.item)


def _submit(row: HostedImage, registered: Registered, instance: models.Model, file: FieldFile) -> None:
    try:
        with file.open("rb") as opened:
            made = submission.submit(
                row.platform,
                opened,
                external_id=row.external_id,
                source=ItemSource.HOST,
                priority=Priority(row.priority),
                author_ref=registered.author_of(instance),
                actor=ACTOR,
            )
    except intake.Refused as refused:
        if refused.reason not in PASSING:
            _settle(row, refused=refused.reason.value, due_at=None)
        return
    except FileNotFoundError:
        _settle(row, refused=Reason.MISSING_FILE.value, due_at=None)
        return
    with transaction.atomic():
        # under the lock of whoever judges it: the verdict is there by now, or whoever writes it hears of this row
        ContentItem.objects.select_for_update(no_key=True).get(pk=made.item.pk)
        settled = _settle(row, item=made.item)
    if settled:
        _tell(row, registered, instance, made.item)  # equal content is judged at once


def _erase(row: HostedImage) -> None:
    for item in ContentItem.objects.filter(platform=row.platform, external_id=row.external_id, erased_at=None):
        try:
            retention.erase(item, actor=ACTOR)
        except retention.Held:
            log.warning("erasure_waits_for_legal_hold", item=str(item.pk))
            _settle(row, due_at=timezone.now() + LONGEST_WAIT)
            return
    HostedImage.objects.filter(pk=row.pk, version=row.version).delete()


def _tell(row: HostedImage, registered: Registered, instance: models.Model, item: ContentItem) -> None:
    """Signals, and `on_flag` where policy asks for a person or blocks. Errors in the site's handlers are its own."""
    verdict = verdicts.in_force(item)
    if verdict is not None and verdict.pk != row.told:
        signal = item_screened if verdict.basis == Basis.POLICY else case_decided
        told = {"instance": instance, "field": row.field, "item": item, "verdict": verdict}
        with dispatch.as_the_site():
            signal.send_robust(sender=apps.get_model(row.model), **told)
            if verdict.basis == Basis.POLICY and verdict.outcome != Outcome.ALLOW:
                registered.flag(instance, verdict)
    _settle(row, told=verdict.pk if verdict else None, due_at=None)


def _settle(row: HostedImage, **changed: Any) -> bool:
    """False when the picture has changed or a verdict has come meanwhile: then whoever made it due goes on."""
    if changed.get("due_at", row) is None:
        changed["attempts"] = 0
    mine = HostedImage.objects.filter(pk=row.pk, version=row.version, due_at=row.due_at)
    return bool(mine.update(**changed))


def _object_of(row: HostedImage) -> models.Model | None:
    model = apps.get_model(row.model)
    found: models.Model | None = model._base_manager.filter(pk=model._meta.pk.to_python(row.object_pk)).first()
    return found


def _platform(name: str) -> Platform:
    """Made with the first picture, with the default policy."""
    found = Platform.objects.filter(name=name).first()
    if found is not None:
        return found
    try:
        return platforms.create_platform(name, note="made with the first picture of a registered field", actor=ACTOR)
    except platforms.NameTaken:  # by another process, just now
        return Platform.objects.get(name=name)
