"""`GET /api/v1/events`: the log of everything, for those who cannot take webhooks. At least once, in order, 30 days."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from moderation import blind
from moderation.api.item_events import ItemEventSerializer
from moderation.api.items import reviews
from moderation.api.problems import Problem
from moderation.api.serializers import names, problems
from moderation.api.views import ApiView, key_of
from moderation.models import ApiKey, Event, ReviewCase
from moderation.services import webhooks
from moderation.vocabulary import EventType, Scope

LARGEST = 2**63 - 1
TYPES = names(EventType)
EXAMPLE = {
    "events": [
        {
            "id": "01a211c7-bcf7-76eb-8012-2ba41107f28d",
            "number": 8842,
            "type": "decision.made",
            "timestamp": "2026-11-25T08:17:12.911402Z",
            "data": {"item_id": "01a211c7-0000-7000-8000-2ba41107f28d", "decision": "genuine"},
        }
    ],
    "cursor": "8842",
    "more": False,
}


class EventFilterSerializer(serializers.Serializer[Any]):
    cursor = serializers.IntegerField(min_value=0, max_value=LARGEST, required=False, default=None)
    limit = serializers.IntegerField(min_value=1, max_value=500, default=100)
    type = serializers.ListField(child=serializers.ChoiceField(choices=TYPES), required=False, default=list)


class EventPageSerializer(serializers.Serializer[Any]):
    events = ItemEventSerializer(many=True, help_text="oldest first; the same event may come again")
    cursor = serializers.CharField(help_text="to read on from")
    more = serializers.BooleanField(help_text="true: read on at once; false: there is nothing newer yet")


def tell(event: Event, hidden: set[Any]) -> Any:
    return ItemEventSerializer(event, context={"blind": event.item_id in hidden}).data


def hidden_items(key: ApiKey, events: list[Event]) -> set[Any]:
    """The items on which nobody has given an opinion yet, where the key may read or decide cases."""
    if not reviews(key):
        return set()
    open_blind = ReviewCase.objects.filter(blind.unanswered(), item=OuterRef("item"))
    kept_back = Event.objects.filter(Exists(open_blind), pk__in=[event.pk for event in events])
    return set(kept_back.values_list("item", flat=True))


class EventsView(ApiView):
    scopes = {"GET": Scope.ITEMS_READ}

    @extend_schema(
        operation_id="events_list",
        responses={200: EventPageSerializer, **problems(410)},
        examples=[OpenApiExample("one event", EXAMPLE, response_only=True, status_codes=["200"])],
        parameters=[
            OpenApiParameter("cursor", str, description="of the answer before; without it: from the oldest kept"),
            OpenApiParameter("limit", {"type": "integer", "minimum": 1, "maximum": 500, "default": 100}),
            OpenApiParameter("type", str, enum=TYPES, many=True, description="only these; repeat for more"),
        ],
    )
    def get(self, request: Request) -> Response:
        """Events of the platform's items, keys' work and tests. Keep `cursor` after you have done what they ask."""
        form = EventFilterSerializer(data=request.query_params)
        form.is_valid(raise_exception=True)
        given, key = form.validated_data, key_of(request)
        try:
            page = webhooks.read_on(key.platform, given["cursor"], given["type"], given["limit"])
        except webhooks.CursorExpired as error:
            detail = "events behind this cursor are no longer kept: read without a cursor, and compare with GET items"
            raise Problem(410, "cursor_expired", detail) from error
        hidden = hidden_items(key, page.events)
        told = [tell(event, hidden) for event in page.events]
        return Response({"events": told, "cursor": str(page.cursor), "more": page.more})
