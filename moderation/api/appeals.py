"""`POST /api/v1/items/{id}/appeals`: an author's word against what was decided."""

from __future__ import annotations

import uuid
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from moderation.api.idempotency import HEADER, once_a_key
from moderation.api.items import find_item
from moderation.api.pinned import ModelSerializer
from moderation.api.problems import Problem
from moderation.api.serializers import problems
from moderation.api.views import ApiView, actor_of, key_of
from moderation.models import Appeal, ContentItem
from moderation.services import appeals
from moderation.vocabulary import Scope

EXAMPLE = {"text": "I took this photo myself; the original file is attached to my post."}


class AppealSerializer(serializers.Serializer[Any]):
    text = serializers.CharField(
        max_length=appeals.LONGEST_TEXT, required=False, default="", allow_blank=True, help_text="the author's words"
    )


class AppealedSerializer(ModelSerializer[Appeal]):
    item_id = serializers.UUIDField(source="case.item_id")
    case_id = serializers.UUIDField(source="case.public_id")

    class Meta:
        model = Appeal
        fields = ("id", "item_id", "case_id", "opened_at")


class AppealsView(ApiView):
    scopes = {"POST": Scope.ITEMS_WRITE}

    @extend_schema(
        operation_id="items_appeal",
        request=AppealSerializer,
        responses={201: AppealedSerializer, **problems(404, 409, 410, 415, 422)},
        parameters=[HEADER],
        examples=[OpenApiExample("an appeal", EXAMPLE, request_only=True)],
    )
    def post(self, request: Request, item_id: uuid.UUID) -> Response:
        """Open a case for somebody who has decided nothing about the item before.

        409 `nothing_to_appeal`, `appeal_open`, `appeal_decided`, `under_review` or `locked`.
        """
        item = find_item(key_of(request), item_id)
        asked = AppealSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        return once_a_key(request, lambda: (self._appeal(request, item, asked.validated_data["text"]), item))

    def _appeal(self, request: Request, item: ContentItem, text: str) -> Response:
        try:
            made = appeals.open_appeal(item, text, actor=actor_of(request))
        except appeals.NotAppealable as refused:
            raise Problem(409, refused.reason.value, str(refused)) from refused
        return Response(AppealedSerializer(made).data, status=201)
