"""For the site's own API (Django REST framework)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from moderation.host.standing import state_of
from moderation.vocabulary import ScreeningState


class ScreeningStateField(serializers.ChoiceField):
    """`screening = ScreeningStateField()`: the state, read only. Lists want `with_screening()` on their query."""

    def __init__(self, field: str | None = None, **kwargs: Any) -> None:
        self.screened_field = field
        kwargs.update(source="*", read_only=True, choices=[state.value for state in ScreeningState])
        super().__init__(**kwargs)

    def to_representation(self, value: Any) -> str:
        return state_of(value, self.screened_field).value
