"""`GET /api/v1/items/{id}/events`: what happened to one item, as it was sent, or would have been, by webhook."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from moderation.api.items import find_item, told
from moderation.api.pagination import PAGES, OldestFirst
from moderation.api.pinned import ModelSerializer, MomentField
from moderation.api.serializers import names, problems
from moderation.api.views import ApiView, key_of
from moderation.models import Event
from moderation.vocabulary import EventType, Scope

NAMING = {"item_id", "external_id", "revision", "status", "case_id", "appeal_id"}  # what tells no finding


class ItemEventSerializer(ModelSerializer[Event]):
    type = serializers.ChoiceField(choices=names(EventType))
    timestamp = MomentField(source="created_at")
    data = serializers.SerializerMethodField()  # type: ignore[assignment]

    class Meta:
        model = Event
        fields = ("id", "number", "type", "timestamp", "data")

    def get_data(self, event: Event) -> dict[str, Any]:
        data: dict[str, Any] = event.payload["data"]
        return {name: data[name] for name in NAMING & set(data)} if self.context["blind"] else data


class ItemEventsView(ApiView):
    scopes = {"GET": Scope.ITEMS_READ}
    pagination_class = OldestFirst

    @extend_schema(
        operation_id="items_events",
        parameters=PAGES,
        responses={200: ItemEventSerializer(many=True), **problems(404, 410)},
    )
    def get(self, request: Request, item_id: Any) -> Response:
        """Oldest first. `number` is the event's place in the platform's log; null for the moments until it has one."""
        key = key_of(request)
        item = find_item(key, item_id)
        pages = self.pagination_class()
        page = pages.paginate_queryset(Event.objects.filter(item=item), request, view=self)
        context = {"blind": told(item, key)["blind"]}
        return pages.get_paginated_response(ItemEventSerializer(page, many=True, context=context).data)
