"""Which image fields of a site's own models are screened: filled while Django loads, read ever after."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.utils.module_loading import import_string

DEFAULT_POLICY = "This site"  # the platform of the guard that holds rules, cases and figures


class AlreadyRegistered(Exception):
    """One field is screened under one policy."""


@dataclass(frozen=True, slots=True)
class Registered:
    """`external_id`, `author_ref`: a callable that takes the object, or the name of an attribute (dots allowed).
    `on_flag`: a callable, or where it is to be imported from; called with the object and the verdict."""

    model: str
    field: str
    policy: str = DEFAULT_POLICY
    external_id: str | Callable[[Any], object] = ""
    author_ref: str | Callable[[Any], object] = ""
    on_flag: str | Callable[[Any, Any], object] | None = None

    def __str__(self) -> str:
        return f"{self.model}.{self.field}"

    def external_id_of(self, instance: models.Model) -> str:
        return _said(self.external_id, instance) or f"{self}:{instance.pk}"

    def author_of(self, instance: models.Model) -> str:
        return _said(self.author_ref, instance)

    def flag(self, instance: models.Model, verdict: Any) -> None:
        call = import_string(self.on_flag) if isinstance(self.on_flag, str) else self.on_flag
        if call is not None:
            call(instance, verdict)


_registered: dict[tuple[str, str], Registered] = {}


def add(registered: Registered) -> Registered:
    """Raises AlreadyRegistered where the field is registered otherwise."""
    kept = _registered.setdefault((registered.model, registered.field), registered)
    if kept != registered:
        raise AlreadyRegistered(str(registered))
    return kept


def everything() -> list[Registered]:
    return list(_registered.values())


def of(model: type[models.Model]) -> Iterator[Registered]:
    """The screened fields of a model, those of its parents and of what it is a proxy for among them."""
    labels = {parent._meta.label_lower for parent in model.__mro__ if hasattr(parent, "_meta")}
    return (each for each in _registered.values() if each.model in labels)


def the_one(model: type[models.Model], field: str | None = None) -> Registered:
    """Raises LookupError where the model has no such field, or several and none was named."""
    found = [each for each in of(model) if field in (None, each.field)]
    if len(found) != 1:
        name = f"{model._meta.label}.{field}" if field else model._meta.label
        raise LookupError(f"{name} is not registered" if not found else f"{name}: name one of its screened fields")
    return found[0]


def named(label: str, field: str) -> Registered | None:
    return _registered.get((label, field))


def _said(how: str | Callable[[Any], object], instance: models.Model) -> str:
    if callable(how):
        value: object = how(instance)
    elif how:
        value = instance
        for name in how.split("."):
            value = getattr(value, name, None)
    else:
        return ""
    return "" if value is None else str(value)
