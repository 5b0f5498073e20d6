"""Secrets that must be read again lie encrypted (design.md §4.15); this brings all of them under the newest key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.db.models import Model

from moderation.conf import fernet_keys, sealing
from moderation.models import SecondFactor, WebhookEndpoint
from moderation.services import audit

KEPT: tuple[tuple[type[Model], str], ...] = (
    (WebhookEndpoint, "secret"),
    (WebhookEndpoint, "old_secret"),
    (SecondFactor, "secret"),
)


@dataclass
class Tally:
    """`unreadable`: "<table>:<id>" of rows whose key is none of those that are set."""

    seen: int = 0
    rotated: int = 0
    current: int = 0
    unreadable: list[str] = field(default_factory=list)


def count() -> int:
    return sum(_rows(model, column).count() for model, column in KEPT)


def rotate(*, change: bool = True, actor: str) -> Iterator[Tally]:
    """One step a secret; `change=False` only looks. Can be stopped anywhere: what is done is seen at the next run."""
    newest, box = Fernet(fernet_keys()[0]), sealing()
    tally = Tally()
    for model, column in KEPT:
        for pk, token in _rows(model, column).order_by("pk").values_list("pk", column).iterator():
            tally.seen += 1
            if _under(newest, token):
                tally.current += 1
            elif not _under(box, token):
                tally.unreadable.append(f"{model._meta.model_name}:{pk}")
            elif not change:
                tally.rotated += 1
            else:  # a secret that was replaced meanwhile lies under the newest key already
                again = box.rotate(token.encode()).decode()
                tally.rotated += model._default_manager.filter(pk=pk, **{column: token}).update(**{column: again})
            yield tally
    if change and tally.rotated:
        audit.note("encryption.rotated", actor, "platform:all", secrets=tally.rotated)


def _rows(model: type[Model], column: str) -> Any:
    return model._default_manager.exclude(**{column: ""})


def _under(box: Fernet | MultiFernet, token: str) -> bool:
    try:
        box.decrypt(token.encode())
    except InvalidToken:
        return False
    return True
