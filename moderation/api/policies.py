"""`/api/v1/policies`: the rules that turn evidence into outcomes. A version is never edited: a change is a new one."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from moderation.api.idempotency import HEADER, once_a_key
from moderation.api.pagination import PAGES, NewestFirst
from moderation.api.pinned import ModelSerializer
from moderation.api.problems import Problem
from moderation.api.serializers import problems
from moderation.api.views import ApiView, actor_of, key_of
from moderation.models import PolicyVersion
from moderation.rules import InvalidRules
from moderation.services import platforms
from moderation.vocabulary import Scope

EXAMPLE = {"rules": {"review_at": 0.02}, "note": "fewer false alarms"}


@extend_schema_field(OpenApiTypes.OBJECT)
class RulesField(serializers.JSONField):
    """The document of docs/policy.md; a key that is left out keeps its default."""


class PolicySerializer(ModelSerializer[PolicyVersion]):
    version = serializers.IntegerField(source="number")
    rules = RulesField()

    class Meta:
        model = PolicyVersion
        fields = ("version", "active", "rules", "note", "created_at")


class PolicyRequestSerializer(serializers.Serializer[Any]):
    rules = RulesField()
    note = serializers.CharField(max_length=200, required=False, allow_blank=True, default="", help_text="why")


def versions(request: Request) -> QuerySet[PolicyVersion]:
    return PolicyVersion.objects.filter(platform=key_of(request).platform)


class PoliciesView(ApiView):
    scopes = {"GET": Scope.ITEMS_READ, "POST": Scope.POLICIES_WRITE}
    pagination_class = NewestFirst

    @extend_schema(
        operation_id="policies_list", parameters=PAGES, responses={200: PolicySerializer(many=True), **problems()}
    )
    def get(self, request: Request) -> Response:
        """Newest first; one of them is `active`."""
        pages = self.pagination_class()
        page = pages.paginate_queryset(versions(request), request, view=self)
        return pages.get_paginated_response(PolicySerializer(page, many=True).data)

    @extend_schema(
        operation_id="policies_create",
        request=PolicyRequestSerializer,
        responses={201: PolicySerializer, **problems(409, 415, 422)},
        parameters=[HEADER],
        examples=[OpenApiExample("fewer false alarms", EXAMPLE, request_only=True)],
    )
    def post(self, request: Request) -> Response:
        """Put a new version into force, for scans from now on. No line may be finer than the calibration can tell."""
        form = PolicyRequestSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        return once_a_key(request, lambda: (self._publish(request, **form.validated_data), None))

    def _publish(self, request: Request, rules: Any, note: str) -> Response:
        platform = key_of(request).platform
        try:
            version = platforms.publish_policy(platform, rules, by=None, note=note, actor=actor_of(request))
        except InvalidRules as error:
            wrong = [
                {"pointer": f"/rules{each['pointer']}", "detail": each["message"], "code": "invalid_rule"}
                for each in error.errors
            ]
            raise Problem(422, "invalid_rules", "some rules are wrong; nothing has changed", wrong) from error
        return Response(PolicySerializer(version).data, status=201)


class PolicyView(ApiView):
    scopes = {"GET": Scope.ITEMS_READ}

    @extend_schema(operation_id="policies_read", responses={200: PolicySerializer, **problems(404)})
    def get(self, request: Request, version: int) -> Response:
        """One version, in force or not."""
        found = versions(request).filter(number=version).first() if version < 2**31 else None
        if found is None:
            raise NotFound("there is no such version")
        return Response(PolicySerializer(found).data)
