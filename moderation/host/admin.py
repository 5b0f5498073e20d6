"""For the site's own admin: a column and a filter."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext, gettext_lazy

from moderation.host import standing
from moderation.vocabulary import ScreeningState


class ScreeningFilter(admin.SimpleListFilter):
    title = gettext_lazy("screening")
    parameter_name = "screening"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        return [(state.value, gettext(standing.WORDS[state])) for state in ScreeningState]

    def __init__(self, request: HttpRequest, params: Any, model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        self.screened_field = getattr(model_admin, "screened_field", None)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:  # noqa: ARG002
        chosen = [state for state in ScreeningState if state == self.value()]
        return standing.in_states(queryset, chosen, self.screened_field) if chosen else queryset


class ScreeningAdminMixin:
    """Before ModelAdmin: put "screening" into `list_display`, `ScreeningFilter` into `list_filter`."""

    screened_field: str | None = None  # to be named where the model has several

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        objects: QuerySet[Any] = super().get_queryset(request)  # type: ignore[misc]  # ModelAdmin's
        return standing.with_state(objects, self.screened_field)

    @admin.display(description=gettext_lazy("screening"))
    def screening(self, instance: Model) -> str:
        return gettext(standing.WORDS[ScreeningState(getattr(instance, standing.ATTRIBUTE))])
