"""`POST cases/{id}/opinions`: the first opinion of a person, where a case asks for one before what was found."""

from __future__ import annotations

import uuid

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from moderation.api.case_shapes import WholeCaseSerializer, find_case, whole
from moderation.api.claims import StaleLease, TokenSerializer, held_by
from moderation.api.problems import Problem
from moderation.api.serializers import names, problems
from moderation.api.views import ApiView, key_of
from moderation.services import decisions, opinions
from moderation.vocabulary import DecisionValue, Scope


class OpinionSerializer(TokenSerializer):
    opinion = serializers.ChoiceField(choices=names(DecisionValue))


class OpinionsView(ApiView):
    scopes = {"POST": Scope.CASES_DECIDE}

    @extend_schema(
        operation_id="cases_opine",
        request=OpinionSerializer,
        responses={201: WholeCaseSerializer, **problems(404, 409, 410, 415)},
    )
    def post(self, request: Request, case_id: uuid.UUID) -> Response:
        """Keep what the holder thinks, and answer with the case as they may see it now; a second one changes nothing.

        409 `stale_lease`, or `no_opinion_asked` where the case is not blind first.
        """
        case = find_case(key_of(request), case_id)
        asked = OpinionSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        token = asked.validated_data["lease_token"]
        person = held_by(request, case, token)
        if not case.blind_first:
            raise Problem(409, "no_opinion_asked", "this case is decided at once")
        try:
            opinions.first(case, person, token, DecisionValue(asked.validated_data["opinion"]))
        except decisions.LeaseLost as lost:
            raise StaleLease from lost
        return Response(whole(case, key_of(request), person), status=201)
