"""An ImageField that registers itself."""

from __future__ import annotations

from typing import Any

from django.db import models

from moderation import registry
from moderation.host import follow
from moderation.registry import Registered

OPTIONS = ("policy", "external_id", "author_ref", "on_flag")
HISTORICAL = "__fake__"  # where migrations put the models they make


class ScreenedImageField(models.ImageField):
    """An ImageField whose pictures are screened; takes the options of `register` as well.

    To migrations it is a plain ImageField, so that neither its options nor the guard itself bind them.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.screened = {name: kwargs.pop(name) for name in OPTIONS if name in kwargs}
        super().__init__(*args, **kwargs)

    def contribute_to_class(self, cls: type[models.Model], name: str, **kwargs: Any) -> None:  # type: ignore[override]
        super().contribute_to_class(cls, name, **kwargs)
        if not cls._meta.abstract and cls.__module__ != HISTORICAL:
            registry.add(Registered(cls._meta.label_lower, name, **self.screened))
            follow.connect(cls)

    def deconstruct(self) -> tuple[str, str, Any, Any]:
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.ImageField", args, kwargs

    def clone(self) -> ScreenedImageField:
        """For children of an abstract model; Django's would lose the options that deconstruct leaves out."""
        _name, _path, args, kwargs = self.deconstruct()
        return type(self)(*args, **{**kwargs, **self.screened})
