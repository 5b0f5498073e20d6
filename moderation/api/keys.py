"""`/api/v1/keys`: issued, rotated and revoked by the platform itself. A secret is shown in the answer that made it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from moderation import addresses
from moderation.api.pagination import PAGES, NewestFirst
from moderation.api.pinned import ModelSerializer, MomentField
from moderation.api.problems import Problem
from moderation.api.serializers import names, problems
from moderation.api.views import ONCE, ApiView, actor_of, key_of
from moderation.models import ApiKey
from moderation.services import keys
from moderation.vocabulary import Scope

EXAMPLE = {
    "name": "uploads",
    "scopes": ["items:write"],
    "expires_at": "2027-06-01T00:00:00Z",
    "allowed_networks": ["203.0.113.0/24"],
}


class NetworkField(serializers.CharField):
    def to_internal_value(self, given: Any) -> str:
        try:
            return addresses.network(super().to_internal_value(given))
        except ValueError as error:
            raise serializers.ValidationError("neither an address nor a CIDR block", "invalid") from error


class KeySerializer(ModelSerializer[ApiKey]):
    """`prefix` begins the secret (`dg_<prefix>_…`) and may be shown; the secret itself is kept nowhere."""

    scopes = serializers.ListField(child=serializers.ChoiceField(choices=names(Scope)))
    allowed_networks = serializers.ListField(child=serializers.CharField(), help_text="empty: from anywhere")

    class Meta:
        model = ApiKey
        fields = (
            "id", "name", "prefix", "scopes", "allowed_networks", "created_at", "expires_at", "revoked_at",
            "last_used_at", "old_secret_until",
        )  # fmt: skip
        extra_kwargs = {"last_used_at": {"help_text": "to the minute"}}


class NewKeySerializer(KeySerializer):
    secret = serializers.CharField(help_text="shown this once")

    class Meta(KeySerializer.Meta):
        fields = (*KeySerializer.Meta.fields, "secret")  # type: ignore[assignment]


class KeyRequestSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=100, help_text="what it is for")
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=names(Scope)), allow_empty=False, max_length=len(Scope)
    )
    expires_at = MomentField(required=False, allow_null=True, default=None)
    allowed_networks = serializers.ListField(
        child=NetworkField(max_length=50), max_length=50, required=False, default=list
    )

    def validate_expires_at(self, given: Any) -> Any:
        if given is not None and given <= timezone.now():
            raise serializers.ValidationError("lies in the past")
        return given


class RotationSerializer(serializers.Serializer[Any]):
    overlap_hours = serializers.IntegerField(
        min_value=0,
        max_value=keys.LONGEST_OVERLAP_HOURS,
        default=keys.OVERLAP_HOURS,
        help_text="how long both secrets open",
    )


def refuse_more_than(held: ApiKey, scopes: list[str]) -> None:
    """No key makes a key, or learns the secret of one, that may do what it may not do itself."""
    if more := sorted(set(scopes) - set(held.scopes)):
        raise Problem(403, "scope_not_held", f"this key does not hold {', '.join(more)} itself")


def with_secret(key: ApiKey, secret: str) -> dict[str, Any]:
    return {**KeySerializer(key).data, "secret": secret}


class KeysView(ApiView):
    scopes = {"GET": Scope.PLATFORM_ADMIN, "POST": Scope.PLATFORM_ADMIN}
    pagination_class = NewestFirst

    @extend_schema(operation_id="keys_list", parameters=PAGES, responses={200: KeySerializer(many=True), **problems()})
    def get(self, request: Request) -> Response:
        """Newest first, with those that have ended."""
        pages = self.pagination_class()
        page = pages.paginate_queryset(key_of(request).platform.keys.all(), request, view=self)
        return pages.get_paginated_response(KeySerializer(page, many=True).data)

    @extend_schema(
        operation_id="keys_create",
        request=KeyRequestSerializer,
        responses={201: NewKeySerializer, **problems(409, 415)},
        examples=[OpenApiExample("uploads from one network", EXAMPLE, request_only=True)],
    )
    def post(self, request: Request) -> Response:
        """Issue a key. It can be given no scope that the calling key does not hold."""
        form = KeyRequestSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        refuse_more_than(key_of(request), form.validated_data["scopes"])
        try:
            key, secret = keys.issue_key(key_of(request).platform, actor=actor_of(request), **form.validated_data)
        except keys.TooManyKeys as error:
            raise Problem(409, "too_many_keys", str(error)) from error
        return Response(with_secret(key, secret), status=201, headers=ONCE)


def find(request: Request, key_id: UUID) -> ApiKey:
    found = ApiKey.objects.filter(pk=key_id, platform=key_of(request).platform).first()
    if found is None:
        raise NotFound("there is no such key")
    return found


class KeyView(ApiView):
    scopes = {"DELETE": Scope.PLATFORM_ADMIN}

    @extend_schema(operation_id="keys_revoke", responses={204: None, **problems(404)})
    def delete(self, request: Request, key_id: UUID) -> Response:
        """Revoke a key, at once and for good; its row stays, for the record. A key may revoke itself."""
        keys.revoke_key(find(request, key_id), actor=actor_of(request))
        return Response(status=204)


class KeyRotationView(ApiView):
    scopes = {"POST": Scope.PLATFORM_ADMIN}

    @extend_schema(
        operation_id="keys_rotate",
        request=RotationSerializer,
        responses={200: NewKeySerializer, **problems(404, 409, 415)},
    )
    def post(self, request: Request, key_id: UUID) -> Response:
        """A new secret at once; the old one opens beside it until `old_secret_until`. Any older one ends now."""
        form = RotationSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        key, overlap = find(request, key_id), timedelta(hours=form.validated_data["overlap_hours"])
        refuse_more_than(key_of(request), key.scopes)
        try:
            key, secret = keys.rotate_key(key, overlap=overlap, actor=actor_of(request))
        except keys.KeyEnded as error:
            raise Problem(409, "key_ended", "the key is revoked or has expired: issue another one") from error
        return Response(with_secret(key, secret), headers=ONCE)
