"""Holding a case over the API: `cases/{id}/claim` and `cases/{id}/release`."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from moderation.api.case_shapes import WholeCaseSerializer, find_case, whole
from moderation.api.pinned import MomentField
from moderation.api.problems import Problem
from moderation.api.serializers import problems
from moderation.api.views import ApiView, actor_of, key_of
from moderation.models import ReviewCase
from moderation.services import cases as desk_cases
from moderation.services import leases, moderators
from moderation.vocabulary import CaseState, Scope

EXAMPLE = {"moderator_ref": "mod-7"}


class ClaimSerializer(serializers.Serializer[Any]):
    moderator_ref = serializers.CharField(max_length=200, help_text="your own id of the person; kept as a keyed hash")
    senior = serializers.BooleanField(default=False, help_text="may take escalated cases, and their word is enough")
    lease_token = serializers.UUIDField(required=False, help_text="to hold on to what this person holds already")


class TokenSerializer(serializers.Serializer[Any]):
    lease_token = serializers.UUIDField()


class LeaseSerializer(serializers.Serializer[Any]):
    lease_token = serializers.UUIDField(help_text="it alone lets an opinion or a decision through")
    lease_until = MomentField()
    case = WholeCaseSerializer()


class StaleLease(Problem):
    def __init__(self) -> None:
        super().__init__(409, "stale_lease", "the case is not held under this token any more")


def held_by(request: Request, case: ReviewCase, token: uuid.UUID) -> User:
    """The person who holds the case under this token. Raises StaleLease."""
    person = moderators.holder(key_of(request).platform, case, token)
    if person is None:
        raise StaleLease
    return person


def lease_answer(request: Request, case: ReviewCase, person: User, token: uuid.UUID, until: datetime) -> dict[str, Any]:
    told = whole(case, key_of(request), person)
    return {"lease_token": str(token), "lease_until": until, "case": told}


class ClaimView(ApiView):
    scopes = {"POST": Scope.CASES_DECIDE}

    @extend_schema(
        operation_id="cases_claim",
        request=ClaimSerializer,
        responses={200: LeaseSerializer, **problems(404, 409, 410, 415)},
        examples=[OpenApiExample("a claim", EXAMPLE, request_only=True)],
    )
    def post(self, request: Request, case_id: uuid.UUID) -> Response:
        """Hold a case for one person, as the console does; with `lease_token`, hold on to it.

        409 `case_held`, `case_not_open`, `not_for_this_person` or `stale_lease`.
        """
        case = find_case(key_of(request), case_id)
        asked = ClaimSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        given = asked.validated_data
        person = _person(request, given["moderator_ref"], given["senior"])
        if (token := given.get("lease_token")) is not None:
            until = leases.renew(case, token) if held_by(request, case, token) == person else None
            if until is None:
                raise StaleLease
            return Response(lease_answer(request, case, person, token, until))
        lease = leases.lease(case, person)
        if lease is None:
            raise _why_not(case, person)
        return Response(lease_answer(request, case, person, lease.token, lease.until))


def _person(request: Request, moderator_ref: str, senior: bool) -> User:
    platform = key_of(request).platform
    try:
        return moderators.person_behind(platform, moderator_ref, senior=senior, actor=actor_of(request))
    except moderators.NotAdmitted as error:
        raise Problem(403, "moderator_disabled", "this person was shut out by who runs the guard") from error


def _why_not(case: ReviewCase, person: User) -> Problem:
    now = ReviewCase.objects.get(pk=case.pk)
    if now.state != CaseState.OPEN:
        return Problem(409, "case_not_open", f"the case is {now.state}")
    if not leases.may_take(now, person):
        return Problem(
            409, "not_for_this_person", "they have had their say on it or on what it appeals, or it waits for a senior"
        )
    return Problem(409, "case_held", "somebody else holds the case")


def _held(request: Request, case_id: uuid.UUID) -> tuple[ReviewCase, User, uuid.UUID]:
    """The case, who holds it, and under which token: of a body that says nothing but the token."""
    case = find_case(key_of(request), case_id)
    asked = TokenSerializer(data=request.data)
    asked.is_valid(raise_exception=True)
    token = asked.validated_data["lease_token"]
    return case, held_by(request, case, token), token


class ReleaseView(ApiView):
    scopes = {"POST": Scope.CASES_DECIDE}

    @extend_schema(
        operation_id="cases_release", request=TokenSerializer, responses={204: None, **problems(404, 409, 410, 415)}
    )
    def post(self, request: Request, case_id: uuid.UUID) -> Response:
        """Give it back to the queue. 409 `stale_lease`."""
        case, _, token = _held(request, case_id)
        if not leases.release(case, token):
            raise StaleLease
        return Response(status=204)


class EscalationView(ApiView):
    scopes = {"POST": Scope.CASES_DECIDE}

    @extend_schema(
        operation_id="cases_escalate", request=TokenSerializer, responses={204: None, **problems(404, 409, 410, 415)}
    )
    def post(self, request: Request, case_id: uuid.UUID) -> Response:
        """Hand a case that one holds to a senior: nobody else is given it any more. 409 `stale_lease`."""
        if not desk_cases.escalate(*_held(request, case_id)):
            raise StaleLease
        return Response(status=204)
