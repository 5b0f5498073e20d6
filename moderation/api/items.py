"""`/api/v1/items`: submit, list, read, erase."""

from __future__ import annotations

from typing import Any

from django.db.models import BooleanField, ExpressionWrapper, Prefetch, QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from moderation import blind
from moderation.api import idempotency
from moderation.api.pagination import NewestFirst
from moderation.api.problems import Gone, Problem
from moderation.api.serializers import PRIORITIES, ItemSerializer, SubmissionSerializer, problems
from moderation.api.uploads import LimitedUploadHandler
from moderation.api.views import ApiView, key_of
from moderation.models import ApiKey, ContentItem, Decision, ReviewCase, Verdict
from moderation.services import retention, submission
from moderation.vocabulary import TERMINAL_ITEM_STATUSES, CasePurpose, ItemStatus, Scope

REVIEWS = {Scope.CASES_READ.value, Scope.CASES_DECIDE.value}
LIVE = {"Retry-After": "1"}  # seconds until asking again is worth it


def items_of(key: ApiKey) -> QuerySet[ContentItem]:
    """Another platform's item does not exist."""
    asked = ReviewCase.objects.filter(purpose=CasePurpose.REVIEW)
    cases = asked.annotate(
        unanswered=ExpressionWrapper(blind.unanswered(), output_field=BooleanField())
    ).prefetch_related(Prefetch("decisions", Decision.objects.select_related("opinion")))
    return (
        ContentItem.objects.filter(platform=key.platform)
        .select_related("asset", "scan__detector", "scan__calibration")
        .prefetch_related(
            "scan__faces",
            Prefetch("verdicts", Verdict.objects.filter(current=True).select_related("policy")),
            Prefetch("cases", cases),
        )
    )


def told_to(key: ApiKey) -> dict[str, Any]:
    """The serializer's context: who may read or decide cases hears no score before a first opinion."""
    return {"reviews": bool(REVIEWS & set(key.scopes))}


class ItemsView(ApiView):
    scopes = {"POST": Scope.ITEMS_WRITE, "GET": Scope.ITEMS_READ}
    parser_classes = [MultiPartParser]
    pagination_class = NewestFirst

    def initialize_request(self, request: Any, *args: Any, **kwargs: Any) -> Request:
        request.upload_handlers = [LimitedUploadHandler(request)]
        return super().initialize_request(request, *args, **kwargs)

    @extend_schema(
        operation_id="items_create",
        request={"multipart/form-data": SubmissionSerializer},
        responses={202: ItemSerializer, **problems(409, 411, 413, 415, 422, 429)},
        parameters=[
            OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER, description="at most 255 characters"),
            OpenApiParameter("Location", str, OpenApiParameter.HEADER, response=[202]),
            OpenApiParameter("Retry-After", int, OpenApiParameter.HEADER, response=[202]),
        ],
    )
    def post(self, request: Request) -> Response:
        """Submit one file. The answer comes at once; ask `Location` until the status is terminal, or take webhooks."""
        if "Content-Length" not in request.headers:  # without it Django's parser sees an empty form
            raise Problem(411, "length_required", "send a Content-Length, not chunks")
        form = SubmissionSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        given = form.validated_data
        header = request.headers.get("Idempotency-Key", "")
        if len(header) > 255:
            raise ValidationError({"Idempotency-Key": "at most 255 characters"})
        if not header:
            return self._submit(request, given)[0]
        fields = {name: str(value) for name, value in given.items() if name != "file"}
        digest = idempotency.digest_of(fields, given["file"])
        return idempotency.once(key_of(request).platform, header, digest, lambda: self._submit(request, given))

    def _submit(self, request: Request, given: dict[str, Any]) -> tuple[Response, ContentItem]:
        key = key_of(request)
        made = submission.submit(
            key.platform,
            given["file"],
            external_id=given["external_id"],
            priority=PRIORITIES[given["priority"]],
            author_ref=given["author_ref"],
            context=given["context"],
            actor=f"key:{key.pk}",
        )
        item = items_of(key).get(pk=made.item.pk)
        where = reverse("guard:api:item", args=[item.pk], request=request)
        return Response(
            ItemSerializer(item, context=told_to(key)).data, status=202, headers={"Location": where, **LIVE}
        ), item

    @extend_schema(
        operation_id="items_list",
        responses={200: ItemSerializer(many=True), **problems()},
        parameters=[
            OpenApiParameter("status", str, enum=[status.value for status in ItemStatus]),
            OpenApiParameter("external_id", str, description="all revisions of it"),
            OpenApiParameter("cursor", str, description="from `next` or `previous`"),
            OpenApiParameter("limit", int, description="items a page: 50 unless said, at most 200"),
        ],
    )
    def get(self, request: Request) -> Response:
        """Newest first; erased items are left out."""
        items = items_of(key_of(request)).filter(erased_at=None)
        if (status := request.query_params.get("status")) is not None:
            if status not in set(ItemStatus):
                raise ValidationError({"status": f"one of {', '.join(ItemStatus)}"})
            items = items.filter(status=status)
        if (external_id := request.query_params.get("external_id")) is not None:
            items = items.filter(external_id=external_id.replace("\0", ""))  # PostgreSQL knows no NUL
        pages = self.pagination_class()
        page = pages.paginate_queryset(items, request, view=self)
        return pages.get_paginated_response(ItemSerializer(page, many=True, context=told_to(key_of(request))).data)


class ItemView(ApiView):
    scopes = {"GET": Scope.ITEMS_READ, "DELETE": Scope.ITEMS_ERASE}

    def find(self, request: Request, item_id: Any) -> ContentItem:
        item = items_of(key_of(request)).filter(pk=item_id).first()
        if item is None:
            raise NotFound("there is no such item")
        if item.erased_at is not None:
            raise Gone
        return item

    @extend_schema(operation_id="items_read", responses={200: ItemSerializer, **problems(404, 410)})
    def get(self, request: Request, item_id: Any) -> Response:
        """Everything known of one item: status, faces, scores, verdict, review."""
        item = self.find(request, item_id)
        told = ItemSerializer(item, context=told_to(key_of(request))).data
        return Response(told, headers={} if item.status in TERMINAL_ITEM_STATUSES else LIVE)

    @extend_schema(operation_id="items_erase", responses={204: None, **problems(404, 409, 410)})
    def delete(self, request: Request, item_id: Any) -> Response:
        """Erase content and pictures; a tombstone without content stays."""
        retention.erase(self.find(request, item_id), actor=f"key:{key_of(request).pk}")
        return Response(status=204)
