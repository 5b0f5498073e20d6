"""`/api/v1/items/{id}/feedback`: what the platform itself knows of an item."""

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
from moderation.models import Label
from moderation.services import labels
from moderation.vocabulary import CONCLUSIONS, LabelBasis, Scope

EXAMPLE = {"label": "synthetic", "basis": "author"}


class LabelRequestSerializer(serializers.Serializer[Any]):
    label = serializers.ChoiceField(choices=names(CONCLUSIONS))  # type: ignore[assignment]
    basis = serializers.ChoiceField(
        choices=names(LabelBasis), default=LabelBasis.PERSON.value, help_text="how you know"
    )


class LabelSerializer(ModelSerializer[Label]):
    item_id = serializers.UUIDField()
    label = serializers.ChoiceField(source="value", choices=names(CONCLUSIONS))  # type: ignore[assignment]
    basis = serializers.ChoiceField(choices=names(LabelBasis))

    class Meta:
        model = Label
        fields = ("id", "item_id", "label", "basis", "created_at")


class FeedbackView(ApiView):
    scopes = {"POST": Scope.ITEMS_WRITE, "GET": Scope.ITEMS_READ}

    @extend_schema(
        operation_id="items_label",
        request=LabelRequestSerializer,
        responses={201: LabelSerializer, 200: LabelSerializer, **problems(404, 410, 415)},
        examples=[OpenApiExample("the author said so", EXAMPLE, request_only=True)],
    )
    def post(self, request: Request, item_id: uuid.UUID) -> Response:
        """Keep a label. It never changes verdict, case or score; 200 where it says what the last one said."""
        item = find_item(key_of(request), item_id)
        asked = LabelRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        given = asked.validated_data
        made, new = labels.label(item, given["label"], given["basis"], actor=actor_of(request))
        return Response(LabelSerializer(made).data, status=201 if new else 200)

    @extend_schema(operation_id="items_labels", responses={200: LabelSerializer(many=True), **problems(404, 410)})
    def get(self, request: Request, item_id: uuid.UUID) -> Response:
        """All of an item's labels, newest first: the first one counts."""
        made = Label.objects.filter(item=find_item(key_of(request), item_id)).order_by("-id")
        return Response(LabelSerializer(made, many=True).data)
