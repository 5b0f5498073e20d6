"""`Photo.objects.screened()`, after `objects = ScreenedQuerySet.as_manager()`."""

from __future__ import annotations

from typing import TypeVar

from django.db import models

from moderation.host import standing
from moderation.vocabulary import ScreeningState

M = TypeVar("M", bound=models.Model)


class ScreenedQuerySet(models.QuerySet[M]):
    """`field` may be left out where the model has one screened field."""

    def screened(self, field: str | None = None) -> models.QuerySet[M]:
        """A verdict is in force."""
        return standing.in_states(self, set(ScreeningState) - set(standing.UNSEEN), field)

    def awaiting_screening(self, field: str | None = None) -> models.QuerySet[M]:
        return standing.in_states(self, [ScreeningState.WAITING], field)

    def awaiting_review(self, field: str | None = None) -> models.QuerySet[M]:
        """A person is to look at it."""
        return standing.in_states(self, [ScreeningState.IN_REVIEW], field)

    def visible(self, field: str | None = None) -> models.QuerySet[M]:
        """What the policy in force lets the site show now."""
        return standing.visible(self, field)

    def with_screening(self, field: str | None = None) -> models.QuerySet[M]:
        """Each object with its `screening_state`, in the same query: for lists."""
        return standing.with_state(self, field)
