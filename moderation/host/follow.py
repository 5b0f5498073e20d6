"""Follows saves and deletes of registered models. Connected to those models alone: a receiver for every sender would
make Django load each row of the whole site before it deletes one."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.apps import apps
from django.db import models
from django.db.models import signals

from moderation import registry
from moderation.services import hosting

CHANGED = "_guard_changed"  # on an instance, from pre_save to post_save: fields that were given a new file


def connect(model: type[models.Model]) -> None:
    """Called as often as one likes. Children and proxies of the model are connected once all models are there."""
    _listen(model)
    if apps.models_ready:
        connect_all()


def connect_all() -> None:
    for model in apps.get_models(include_auto_created=True):
        if any(registry.of(model)):
            _listen(model)


def _listen(model: type[models.Model]) -> None:
    signals.pre_save.connect(note_new_files, sender=model, dispatch_uid="guard_note_new_files")
    signals.post_save.connect(saved, sender=model, dispatch_uid="guard_saved")
    signals.post_delete.connect(deleted, sender=model, dispatch_uid="guard_deleted")


def note_new_files(sender: type[models.Model], instance: models.Model, **_: Any) -> None:
    """A storage may overwrite, and so keep the name: only before the save can a new file be told from the old one."""
    fresh = {
        each.field
        for each in registry.of(sender)
        if each.field in instance.__dict__ and not getattr(getattr(instance, each.field), "_committed", True)
    }
    setattr(instance, CHANGED, fresh)


def saved(
    sender: type[models.Model],
    instance: models.Model,
    raw: bool = False,
    update_fields: Collection[str] | None = None,
    **_: Any,
) -> None:
    """A fixture is left to `guard_backfill`: its files may come later than its rows."""
    changed: set[str] = instance.__dict__.pop(CHANGED, set())
    for each in () if raw else registry.of(sender):
        deferred = each.field not in instance.__dict__
        if deferred or (update_fields is not None and each.field not in update_fields):
            continue
        name = getattr(instance, each.field).name or ""
        row = hosting.row_of(each, instance)
        if not name:
            if row is not None and row.gone_at is None:
                hosting.leave(each, instance)
        elif row is None or row.gone_at is not None or row.file_name != name or each.field in changed:
            hosting.want(each, instance)


def deleted(sender: type[models.Model], instance: models.Model, **_: Any) -> None:
    for each in registry.of(sender):
        hosting.leave(each, instance)
