"""`/api/v1/deliveries`: what was sent to an endpoint and what it answered; sending again, by id and by time range."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from moderation.api.endpoints import find
from moderation.api.events import hidden_items
from moderation.api.pagination import PAGES, NewestFirst
from moderation.api.pinned import ModelSerializer, MomentField
from moderation.api.problems import Problem
from moderation.api.serializers import problems
from moderation.api.views import ApiView, actor_of, key_of
from moderation.models import WebhookDelivery
from moderation.services import webhooks
from moderation.vocabulary import DeliveryState, EventType, Scope


class DeliverySerializer(ModelSerializer[WebhookDelivery]):
    endpoint_id = serializers.UUIDField()
    event_id = serializers.UUIDField(help_text="the `webhook-id` of the message, the same on every attempt")
    type = serializers.ChoiceField(source="event.type", choices=[kind.value for kind in EventType])
    item_id = serializers.UUIDField(allow_null=True)
    state = serializers.ChoiceField(choices=[state.value for state in DeliveryState])
    next_attempt_at = serializers.SerializerMethodField()
    request_excerpt = serializers.SerializerMethodField(help_text="what was sent last, without its signature")

    class Meta:
        model = WebhookDelivery
        fields = (
            *("id", "endpoint_id", "event_id", "type", "item_id", "state", "attempts", "started_at"),
            *("next_attempt_at", "attempted_at", "delivered_at", "last_status", "last_error"),
            *("request_excerpt", "answer_excerpt"),
        )

    @extend_schema_field(MomentField(allow_null=True, help_text="null when it has ended"))
    def get_next_attempt_at(self, delivery: WebhookDelivery) -> str | None:
        ended = delivery.state in webhooks.ENDED
        return None if ended else MomentField().to_representation(delivery.next_attempt_at)

    def get_request_excerpt(self, delivery: WebhookDelivery) -> str:
        """Without its body while nobody has given an opinion, as the log of events tells it."""
        excerpt = delivery.request_excerpt
        return excerpt.partition("\n\n")[0] if delivery.item_id in self.context["hidden"] else excerpt


class ReplayRequestSerializer(serializers.Serializer[Any]):
    since = MomentField(help_text="what happened from then on")
    until = MomentField(required=False, help_text="and before then; now unless said")
    delivered_too = serializers.BooleanField(default=False, help_text="also what was delivered, not only what failed")

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        given.setdefault("until", timezone.now())
        if given["since"] >= given["until"]:
            raise ValidationError({"until": "must be later than since"})
        return given


class ReplayedSerializer(serializers.Serializer[Any]):
    replayed = serializers.IntegerField(help_text="how many messages are sent again")


def told(request: Request, deliveries: list[WebhookDelivery]) -> Any:
    hidden = hidden_items(key_of(request), [delivery.event for delivery in deliveries])
    return DeliverySerializer(deliveries, many=True, context={"hidden": hidden}).data


def deliveries_of(request: Request) -> QuerySet[WebhookDelivery]:
    """Another platform's delivery does not exist."""
    found = WebhookDelivery.objects.filter(endpoint__platform=key_of(request).platform)
    return found.select_related("event", "endpoint")


def find_delivery(request: Request, delivery_id: UUID) -> WebhookDelivery:
    found = deliveries_of(request).filter(pk=delivery_id).first()
    if found is None:
        raise NotFound("there is no such delivery")
    return found


class DeliveriesView(ApiView):
    scopes = {"GET": Scope.PLATFORM_ADMIN}
    pagination_class = NewestFirst

    @extend_schema(
        operation_id="deliveries_list",
        responses={200: DeliverySerializer(many=True), **problems(404)},
        parameters=[OpenApiParameter("state", str, enum=[state.value for state in DeliveryState]), *PAGES],
    )
    def get(self, request: Request, endpoint_id: UUID) -> Response:
        """What was, or will be, sent to an endpoint: newest first."""
        found = deliveries_of(request).filter(endpoint=find(request, endpoint_id))
        if (state := request.query_params.get("state")) is not None:
            if state not in set(DeliveryState):
                raise ValidationError({"state": f"one of {', '.join(DeliveryState)}"})
            found = found.filter(state=state)
        pages = self.pagination_class()
        page = pages.paginate_queryset(found, request, view=self) or []
        return pages.get_paginated_response(told(request, page))


class DeliveryView(ApiView):
    scopes = {"GET": Scope.PLATFORM_ADMIN}

    @extend_schema(operation_id="deliveries_read", responses={200: DeliverySerializer, **problems(404)})
    def get(self, request: Request, delivery_id: UUID) -> Response:
        """One delivery, with what was sent and what was answered."""
        return Response(told(request, [find_delivery(request, delivery_id)])[0])


class DeliveryReplayView(ApiView):
    scopes = {"POST": Scope.PLATFORM_ADMIN}

    @extend_schema(
        operation_id="deliveries_replay", request=None, responses={202: DeliverySerializer, **problems(404, 409)}
    )
    def post(self, request: Request, delivery_id: UUID) -> Response:
        """Send one message again, under the same `webhook-id`; the schedule begins anew."""
        if not webhooks.replay(find_delivery(request, delivery_id), actor=actor_of(request)):
            raise Problem(409, "not_replayable", "it is still being tried, its endpoint is disabled, or it is erased")
        return Response(told(request, [find_delivery(request, delivery_id)])[0], status=202)


class EndpointReplayView(ApiView):
    scopes = {"POST": Scope.PLATFORM_ADMIN}

    @extend_schema(
        operation_id="endpoints_replay",
        request=ReplayRequestSerializer,
        responses={202: ReplayedSerializer, **problems(404, 409, 415, 422)},
    )
    def post(self, request: Request, endpoint_id: UUID) -> Response:
        """Send again what happened in a time range: what failed, and what was never queued for this endpoint."""
        endpoint = find(request, endpoint_id)
        form = ReplayRequestSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        try:
            count = webhooks.replay_range(endpoint, **form.validated_data, actor=actor_of(request))
        except webhooks.Disabled as error:
            raise Problem(409, "endpoint_disabled", "the endpoint is disabled, so nothing was sent") from error
        except webhooks.TooMany as error:
            raise Problem(422, "too_many_events", str(error)) from error
        return Response({"replayed": count}, status=202)
