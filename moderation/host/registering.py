"""`register(Model, "image")` and `@screen("image")`: both say the same thing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.db import models

from moderation import registry
from moderation.host import follow
from moderation.registry import DEFAULT_POLICY, Registered

M = TypeVar("M", bound=type[models.Model])


def register(
    model: type[models.Model],
    field: str,
    *,
    policy: str = DEFAULT_POLICY,
    external_id: str | Callable[[Any], object] = "",
    author_ref: str | Callable[[Any], object] = "",
    on_flag: str | Callable[[Any, Any], object] | None = None,
) -> Registered:
    """Screen an image field of a model from its next save on. `guard_backfill` takes what was saved before.

    Raises FieldDoesNotExist, TypeError for a field without files, registry.AlreadyRegistered.
    """
    if not isinstance(model._meta.get_field(field), models.FileField):
        raise TypeError(f"{model._meta.label}.{field} keeps no files")
    registered = registry.add(Registered(model._meta.label_lower, field, policy, external_id, author_ref, on_flag))
    follow.connect(model)
    return registered


def screen(field: str, **options: Any) -> Callable[[M], M]:
    """A class decorator for a model; options as `register` takes them."""

    def decorate(model: M) -> M:
        register(model, field, **options)
        return model

    return decorate
