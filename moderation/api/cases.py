"""`/api/v1/cases`: what waits for a person, and what was said."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from moderation import queue_queries
from moderation.api.case_shapes import CaseSerializer, WholeCaseSerializer, cases_of, find_case, hears_purposes, whole
from moderation.api.pagination import NOT_ONE, PAGES, NewestFirst
from moderation.api.serializers import names, problems
from moderation.api.views import ApiView, key_of
from moderation.models import ReviewCase
from moderation.vocabulary import CasePurpose, CaseState, Scope

QUEUES = ("due", "late", "free", "escalated", "reported")


class CasePages(NewestFirst):
    """As the console lists them: what is due first comes first, of closed cases the newest."""

    def get_ordering(self, request: Request, queryset: Any, view: Any) -> tuple[str, ...]:  # noqa: ARG002
        return ("-number",) if _of_closed(request) else ("due_at", "number")

    def decode_cursor(self, request: Request) -> Any:
        """Raises ValidationError, as for one made up, for the cursor of another list."""
        cursor = super().decode_cursor(request)
        if cursor is not None and cursor.position is not None:
            try:
                _ = int(cursor.position) if _of_closed(request) else _moment(str(cursor.position))
            except (ValueError, OverflowError) as error:
                raise ValidationError({"cursor": NOT_ONE}) from error
        return cursor


def _of_closed(request: Request) -> bool:
    return request.query_params.get("state") == CaseState.CLOSED


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


class CasesView(ApiView):
    scopes = {"GET": Scope.CASES_READ}
    pagination_class = CasePages

    @extend_schema(
        operation_id="cases_list",
        responses={200: CaseSerializer(many=True), **problems()},
        parameters=[
            OpenApiParameter("state", str, enum=names(CaseState), description="`open` unless said"),
            OpenApiParameter("queue", str, enum=list(QUEUES)),
            OpenApiParameter("policy", int, description="number of the policy version that asked for it"),
            OpenApiParameter("purpose", str, enum=names(CasePurpose), description="not for a key that decides"),
            *PAGES,
        ],
    )
    def get(self, request: Request) -> Response:
        """The most urgent first; closed ones newest first."""
        key = key_of(request)
        cases = _narrowed(cases_of(key.platform), request)
        pages = self.pagination_class()
        page = pages.paginate_queryset(cases, request, view=self)
        return pages.get_paginated_response(CaseSerializer(page, many=True, context={"key": key}).data)


def _narrowed(cases: QuerySet[ReviewCase], request: Request) -> QuerySet[ReviewCase]:
    given = request.query_params
    cases = cases.filter(state=_one_of(CaseState, "state", given.get("state", CaseState.OPEN)))
    if (queue := given.get("queue")) is not None:
        cases = cases.filter(_in_queue(_one_of(QUEUES, "queue", queue)))
    if (number := given.get("policy")) is not None:
        if not (number.isascii() and number.isdigit() and len(number) < 10):
            raise ValidationError({"policy": "the number of a policy version"})
        cases = cases.filter(policy__number=int(number))
    if (purpose := given.get("purpose")) is not None:
        if not hears_purposes(key_of(request)):
            raise ValidationError({"purpose": "a key that decides is not told which cases check the desk"})
        cases = cases.filter(purpose=_one_of(CasePurpose, "purpose", purpose))
    return cases


def _one_of(words: Any, name: str, given: str) -> str:
    if given not in set(words):
        raise ValidationError({name: f"one of {', '.join(words)}"})
    return given


def _in_queue(queue: str) -> Q:
    now = timezone.now()
    return {
        "free": queue_queries.free(now),
        "reported": Q(reports__gt=0),
        **{view: queue_queries.pressing(view, now) for view in ("due", "late", "escalated")},
    }[queue]


class CaseView(ApiView):
    scopes = {"GET": Scope.CASES_READ}

    @extend_schema(operation_id="cases_read", responses={200: WholeCaseSerializer, **problems(404, 410)})
    def get(self, request: Request, case_id: uuid.UUID) -> Response:
        """Everything that is known of a case, but for whose opinions they are."""
        return Response(whole(find_case(key_of(request), case_id), key_of(request)))
