"""`POST /api/v1/items/{id}/reports`: what a user of the platform says of an item."""

from __future__ import annotations

import uuid
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from moderation.api.items import find_item
from moderation.api.pinned import ModelSerializer
from moderation.api.serializers import names, problems
from moderation.api.views import ApiView, actor_of, key_of
from moderation.models import UserReport
from moderation.services import reports
from moderation.vocabulary import ReportReason, Scope

EXAMPLE = {"reporter_ref": "user-93", "reason": "impersonation", "text": "This is not her, it is a swapped face."}


class ReportSerializer(serializers.Serializer[Any]):
    reporter_ref = serializers.CharField(max_length=200, help_text="your own id of the user; stored as a keyed hash")
    reason = serializers.ChoiceField(choices=names(ReportReason))
    text = serializers.CharField(max_length=reports.LONGEST_TEXT, required=False, default="", allow_blank=True)


class ReportedSerializer(ModelSerializer[UserReport]):
    item_id = serializers.UUIDField()
    reason = serializers.ChoiceField(choices=names(ReportReason))

    class Meta:
        model = UserReport
        fields = ("id", "item_id", "reason", "created_at")


class ReportsView(ApiView):
    scopes = {"POST": Scope.ITEMS_WRITE}

    @extend_schema(
        operation_id="items_report",
        request=ReportSerializer,
        responses={201: ReportedSerializer, 200: ReportedSerializer, **problems(404, 410, 415)},
        examples=[OpenApiExample("a report", EXAMPLE, request_only=True)],
    )
    def post(self, request: Request, item_id: uuid.UUID) -> Response:
        """Keep a user's report. 201; 200 with the first one where this user has reported the item before.

        It brings a person sooner and moves no score. What a person has decided stands.
        """
        item = find_item(key_of(request), item_id)
        asked = ReportSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        given = asked.validated_data
        made, new = reports.report(item, given["reporter_ref"], given["reason"], given["text"], actor=actor_of(request))
        return Response(ReportedSerializer(made).data, status=201 if new else 200)
