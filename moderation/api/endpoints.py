"""`/api/v1/endpoints`: where a platform hears of what happens. A secret is shown in the answer that made it, once."""

from __future__ import annotations

from typing import Any, NoReturn
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from moderation import safe_http
from moderation.api.pagination import PAGES, NewestFirst
from moderation.api.pinned import ModelSerializer
from moderation.api.problems import Problem
from moderation.api.serializers import problems
from moderation.api.views import ONCE, ApiView, actor_of, key_of
from moderation.models import WebhookEndpoint
from moderation.services import webhooks
from moderation.vocabulary import Scope

BY_KEY = "disabled over the API"


class EndpointSerializer(ModelSerializer[WebhookEndpoint]):
    class Meta:
        model = WebhookEndpoint
        fields = (
            "id",
            "url",
            "description",
            "active",
            "disabled_reason",
            "failures",
            "open_until",
            "created_at",
            "old_secret_until",
        )
        extra_kwargs = {
            "old_secret_until": {"help_text": "messages carry a second signature, by the old secret, until then"}
        }


class NewEndpointSerializer(EndpointSerializer):
    secret = serializers.CharField(help_text="`whsec_…`, shown this once")

    class Meta(EndpointSerializer.Meta):
        fields = (*EndpointSerializer.Meta.fields, "secret")  # type: ignore[assignment]


class EndpointRequestSerializer(serializers.Serializer[Any]):
    url = serializers.CharField(max_length=500, help_text="https://, and a public address")
    description = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


class EndpointChangeSerializer(serializers.Serializer[Any]):
    url = serializers.CharField(max_length=500, required=False, help_text="what waits goes there, too")
    description = serializers.CharField(max_length=200, required=False, allow_blank=True)
    active = serializers.BooleanField(
        required=False, help_text="false: nothing is sent there, and what waits has failed"
    )


class TestSentSerializer(serializers.Serializer[Any]):
    event_id = serializers.UUIDField(help_text="the `webhook-id` of the message")


def with_secret(endpoint: WebhookEndpoint, secret: str) -> dict[str, Any]:
    return {**EndpointSerializer(endpoint).data, "secret": secret}


def refuse(error: safe_http.UnsafeUrl | safe_http.Unreachable) -> NoReturn:
    code = "unsafe_url" if isinstance(error, safe_http.UnsafeUrl) else "unreachable_url"
    wrong = {"pointer": "/url", "detail": str(error), "code": code}
    raise Problem(422, code, f"this cannot be called: {error}", [wrong]) from error


def find(request: Request, endpoint_id: UUID) -> WebhookEndpoint:
    found = WebhookEndpoint.objects.filter(pk=endpoint_id, platform=key_of(request).platform).first()
    if found is None:
        raise NotFound("there is no such endpoint")
    return found


class EndpointsView(ApiView):
    scopes = {"GET": Scope.PLATFORM_ADMIN, "POST": Scope.PLATFORM_ADMIN}
    pagination_class = NewestFirst

    @extend_schema(
        operation_id="endpoints_list", parameters=PAGES, responses={200: EndpointSerializer(many=True), **problems()}
    )
    def get(self, request: Request) -> Response:
        """Newest first, with those that are disabled."""
        pages = self.pagination_class()
        page = pages.paginate_queryset(key_of(request).platform.endpoints.all(), request, view=self)
        return pages.get_paginated_response(EndpointSerializer(page, many=True).data)

    @extend_schema(
        operation_id="endpoints_create",
        request=EndpointRequestSerializer,
        responses={201: NewEndpointSerializer, **problems(409, 415, 422)},
        examples=[OpenApiExample("an endpoint", {"url": "https://photos.example/hooks/guard"}, request_only=True)],
    )
    def post(self, request: Request) -> Response:
        """Add an endpoint. It hears of everything that happens from now on."""
        form = EndpointRequestSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        try:
            endpoint, secret = webhooks.add_endpoint(
                key_of(request).platform, **form.validated_data, actor=actor_of(request)
            )
        except webhooks.TooManyEndpoints as error:
            raise Problem(409, "too_many_endpoints", str(error)) from error
        except (safe_http.UnsafeUrl, safe_http.Unreachable) as error:
            refuse(error)
        return Response(with_secret(endpoint, secret), status=201, headers=ONCE)


class EndpointView(ApiView):
    scopes = {"GET": Scope.PLATFORM_ADMIN, "PATCH": Scope.PLATFORM_ADMIN, "DELETE": Scope.PLATFORM_ADMIN}

    @extend_schema(operation_id="endpoints_read", responses={200: EndpointSerializer, **problems(404)})
    def get(self, request: Request, endpoint_id: UUID) -> Response:
        """One endpoint; its secret is not told again."""
        return Response(EndpointSerializer(find(request, endpoint_id)).data)

    @extend_schema(
        operation_id="endpoints_update",
        request=EndpointChangeSerializer,
        responses={200: EndpointSerializer, **problems(404, 415, 422)},
    )
    def patch(self, request: Request, endpoint_id: UUID) -> Response:
        """Move it, describe it, disable it, or enable it again; what failed meanwhile can be replayed."""
        endpoint = find(request, endpoint_id)
        form = EndpointChangeSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        given: dict[str, Any] = {"url": endpoint.url, "description": endpoint.description, "active": endpoint.active}
        given |= form.validated_data
        try:
            webhooks.change_endpoint(endpoint, **given, reason=BY_KEY, actor=actor_of(request))
        except (safe_http.UnsafeUrl, safe_http.Unreachable) as error:
            refuse(error)
        return Response(EndpointSerializer(find(request, endpoint_id)).data)

    @extend_schema(operation_id="endpoints_delete", responses={204: None, **problems(404)})
    def delete(self, request: Request, endpoint_id: UUID) -> Response:
        """Remove it with its log of deliveries. The events stay in the log of events."""
        webhooks.remove_endpoint(find(request, endpoint_id), actor=actor_of(request))
        return Response(status=204)


class EndpointRotationView(ApiView):
    scopes = {"POST": Scope.PLATFORM_ADMIN}

    @extend_schema(
        operation_id="endpoints_rotate", request=None, responses={200: NewEndpointSerializer, **problems(404)}
    )
    def post(self, request: Request, endpoint_id: UUID) -> Response:
        """A new secret. Each message is signed with both until `old_secret_until`, a day from now."""
        secret = webhooks.rotate_secret(find(request, endpoint_id), actor=actor_of(request))
        return Response(with_secret(find(request, endpoint_id), secret), headers=ONCE)


class EndpointTestView(ApiView):
    scopes = {"POST": Scope.PLATFORM_ADMIN}

    @extend_schema(
        operation_id="endpoints_test", request=None, responses={202: TestSentSerializer, **problems(404, 409)}
    )
    def post(self, request: Request, endpoint_id: UUID) -> Response:
        """Send `endpoint.test` there, through the same outbox and worker as any event."""
        endpoint = find(request, endpoint_id)
        if not endpoint.active:
            raise Problem(409, "endpoint_disabled", "the endpoint is disabled, so nothing was sent")
        return Response({"event_id": webhooks.send_test(endpoint).pk}, status=202)
