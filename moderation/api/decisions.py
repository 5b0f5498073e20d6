"""Deciding over the API, and taking it back while it is pending: `cases/{id}/decisions`."""

from __future__ import annotations

import uuid
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from moderation.api.case_shapes import SettledSerializer, find_case
from moderation.api.claims import LeaseSerializer, StaleLease, TokenSerializer, held_by, lease_answer
from moderation.api.idempotency import HEADER, once_a_key
from moderation.api.problems import Problem
from moderation.api.serializers import names, problems
from moderation.api.views import ApiView, key_of
from moderation.models import Decision, ReviewCase
from moderation.rules.reasons import AT_MOST
from moderation.services import decisions
from moderation.vocabulary import DecisionState, DecisionValue, Effect, Scope

EFFECTS = [effect for effect in Effect if effect is not Effect.NONE]
NOT_LISTED = ErrorDetail("the policy that the item is judged by does not list this reason", "reason_not_listed")
EXAMPLE = {
    "lease_token": "0f0c3ab4-5a43-4f7e-8a8a-7d6f3a0f7a11",
    "decision": "synthetic",
    "reasons": ["eyes_gaze", "hair_edges"],
    "note": "The glasses end in the air.",
}


class DecisionRequestSerializer(TokenSerializer):
    decision = serializers.ChoiceField(choices=names(DecisionValue))
    reasons = serializers.ListField(
        child=serializers.CharField(),
        required=False,
        default=list,
        max_length=AT_MOST,
        help_text="codes that the item's policy lists; at least one for `synthetic` and `altered`",
    )
    note = serializers.CharField(max_length=2000, required=False, default="", allow_blank=True)
    effect = serializers.ChoiceField(
        choices=names(EFFECTS), required=False, allow_null=True, default=None, help_text="the policy's unless said"
    )


class DecisionSerializer(SettledSerializer):
    state = serializers.ChoiceField(choices=names(DecisionState))

    class Meta(SettledSerializer.Meta):
        fields = (*SettledSerializer.Meta.fields, "state", "created_at", "settle_at")


class DecisionsView(ApiView):
    scopes = {"POST": Scope.CASES_DECIDE}

    @extend_schema(
        operation_id="cases_decide",
        request=DecisionRequestSerializer,
        responses={201: DecisionSerializer, **problems(404, 409, 410, 415, 422)},
        parameters=[HEADER],
        examples=[OpenApiExample("a decision", EXAMPLE, request_only=True)],
    )
    def post(self, request: Request, case_id: uuid.UUID) -> Response:
        """Decide as the person who holds the case. It is pending until `settle_at`, then it counts.

        409 `stale_lease`, or `opinion_first` where a first opinion is asked for.
        """
        case = find_case(key_of(request), case_id)
        asked = DecisionRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        return once_a_key(request, lambda: (self._decide(request, case, asked.validated_data), case.item))

    def _decide(self, request: Request, case: ReviewCase, given: dict[str, Any]) -> Response:
        person = held_by(request, case, given["lease_token"])
        effect = Effect(given["effect"]) if given["effect"] else None
        try:
            made = decisions.decide(
                case, person, given["lease_token"], DecisionValue(given["decision"]),
                reasons=given["reasons"], note=given["note"], effect=effect,
            )  # fmt: skip
        except decisions.ReasonMissing as missing:
            told = ErrorDetail("synthetic and altered need at least one reason", "reason_missing")
            raise ValidationError({"reasons": [told]}) from missing
        except decisions.ReasonNotListed as wrong:
            raise ValidationError({"reasons": {str(place): [NOT_LISTED] for place in wrong.places}}) from wrong
        except decisions.OpinionMissing as missing:
            raise Problem(409, "opinion_first", "this case asks for a first opinion before a decision") from missing
        except decisions.LeaseLost as lost:
            raise StaleLease from lost
        return Response(DecisionSerializer(made).data, status=201)


class DecisionView(ApiView):
    scopes = {"DELETE": Scope.CASES_DECIDE}

    @extend_schema(operation_id="cases_undo", responses={200: LeaseSerializer, **problems(404, 409, 410)})
    def delete(self, request: Request, case_id: uuid.UUID, decision_id: uuid.UUID) -> Response:
        """Take back a pending decision of your own desk; the same person holds the case again, under a new token.

        409 `not_pending` once it has settled.
        """
        case = find_case(key_of(request), case_id)
        own = Decision.objects.filter(case=case, user__guard_api_moderator__platform=key_of(request).platform)
        decision = own.select_related("case", "user").filter(pk=decision_id).first()
        if decision is None:
            raise NotFound("there is no such decision of your desk")
        lease = decisions.undo(decision, decision.user)
        if lease is None:
            raise Problem(409, "not_pending", "the decision has settled or was taken back already")
        return Response(lease_answer(request, case, decision.user, lease.token, lease.until))
