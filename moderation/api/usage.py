"""`GET /api/v1/usage`: what a platform has used, and what is left to it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from moderation.api.pinned import DayField
from moderation.api.serializers import names, problems
from moderation.api.views import ApiView, key_of
from moderation.services import limits, room
from moderation.vocabulary import ItemStatus, Scope

LONGEST = 92
EXAMPLE = {
    "quota": {"items_per_day": 5000, "items_today": 1204, "left": 3796, "resets_in": 40211},
    "storage": {"bytes_stored": 18250442311, "ceiling": 20000000000, "left": 1749557689},
    "calls_per_minute": 6000,
    "days": [{"day": "2026-11-25", "items": {"done": 1190, "queued": 14}, "requests_limited": 0}],
}


class UsageRequestSerializer(serializers.Serializer[Any]):
    days = serializers.IntegerField(min_value=1, max_value=LONGEST, default=30)


class DayUsageSerializer(serializers.Serializer[Any]):
    day = DayField(help_text="UTC")
    items = serializers.DictField(
        child=serializers.IntegerField(min_value=0), help_text=f"by status: {', '.join(names(ItemStatus))}"
    )
    requests_limited = serializers.IntegerField(min_value=0, help_text="refused with `rate_limited`")


class QuotaSerializer(serializers.Serializer[Any]):
    items_per_day = serializers.IntegerField(allow_null=True, help_text="null: any number")
    items_today = serializers.IntegerField(min_value=0)
    left = serializers.IntegerField(allow_null=True, min_value=0)
    resets_in = serializers.IntegerField(min_value=0, help_text="seconds, until midnight UTC")


class StorageSerializer(serializers.Serializer[Any]):
    bytes_stored = serializers.IntegerField(min_value=0, help_text="of originals")
    ceiling = serializers.IntegerField(allow_null=True, help_text="bytes; null: none")
    left = serializers.IntegerField(allow_null=True, min_value=0)


class UsageSerializer(serializers.Serializer[Any]):
    quota = QuotaSerializer()
    storage = StorageSerializer()
    calls_per_minute = serializers.IntegerField(allow_null=True, help_text="of each key; null: any number")
    days = DayUsageSerializer(many=True, help_text="newest first; a day without anything is left out")


class UsageView(ApiView):
    scopes = {"GET": Scope.ITEMS_READ}

    @extend_schema(
        operation_id="usage_read",
        responses={200: UsageSerializer, **problems()},
        examples=[OpenApiExample("a platform with limits", EXAMPLE, response_only=True, status_codes=["200"])],
        parameters=[
            OpenApiParameter("days", {"type": "integer", "minimum": 1, "maximum": LONGEST, "default": 30}),
        ],
    )
    def get(self, request: Request) -> Response:
        """Items by day and status, bytes stored, calls refused for their rate, and what is left of each limit."""
        form = UsageRequestSerializer(data=request.query_params)
        form.is_valid(raise_exception=True)
        platform = key_of(request).platform
        since = limits.today() - timedelta(days=form.validated_data["days"] - 1)
        items, limited = limits.items_by_day(platform, since), limits.limited_by_day(platform, since)
        days = [
            {"day": day, "items": items.get(day, {}), "requests_limited": limited.get(day, 0)}
            for day in sorted({*items, *limited}, reverse=True)
        ]
        used, kept = sum(items.get(limits.today(), {}).values()), room.bytes_stored(platform)
        quota, ceiling = platform.items_per_day, limits.storage_ceiling(platform) or None
        answer = {
            "quota": {
                "items_per_day": quota,
                "items_today": used,
                "left": None if quota is None else max(0, quota - used),
                "resets_in": limits.seconds_until_tomorrow(),
            },
            "storage": {
                "bytes_stored": kept,
                "ceiling": ceiling,
                "left": None if ceiling is None else max(0, ceiling - kept),
            },
            "calls_per_minute": limits.call_limit(platform) or None,
            "days": days,
        }
        return Response(UsageSerializer(answer).data)
