"""`/api/v1/items`: submit, list, read, erase."""

from __future__ import annotations

import hashlib
from typing import Any

from django.db.models import BooleanField, ExpressionWrapper, Prefetch, QuerySet
from django.http import HttpResponseBase
from django.utils.cache import get_conditional_response
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from moderation import blind
from moderation.api import idempotency
from moderation.api.fresh import fresh
from moderation.api.item_filters import ItemFilterSerializer, narrow
from moderation.api.pagination import PAGES, NewestFirst
from moderation.api.pinned import Renderer
from moderation.api.problems import Gone
from moderation.api.serializers import ItemSerializer, problems
from moderation.api.submissions import AddressSerializer, SubmissionSerializer, take
from moderation.api.views import ApiView, UploadView, actor_of, key_of
from moderation.models import ApiKey, ContentItem, Decision, ReviewCase, Verdict
from moderation.services import retention
from moderation.vocabulary import TERMINAL_ITEM_STATUSES, CasePurpose, ItemStatus, Scope

REVIEWS = {Scope.CASES_READ.value, Scope.CASES_DECIDE.value}
LIVE = {"Retry-After": "1"}  # seconds until asking again is worth it
WHERE = [
    OpenApiParameter("Location", str, OpenApiParameter.HEADER, response=[200, 202]),
    OpenApiParameter("Retry-After", int, OpenApiParameter.HEADER, response=[202]),
]


def items_of(key: ApiKey) -> QuerySet[ContentItem]:
    """Another platform's item does not exist."""
    asked = ReviewCase.objects.filter(purpose=CasePurpose.REVIEW).select_related("appeal")
    cases = asked.annotate(
        unanswered=ExpressionWrapper(blind.unanswered(), output_field=BooleanField())
    ).prefetch_related(Prefetch("decisions", Decision.objects.select_related("opinion", "policy")))
    return (
        ContentItem.objects.filter(platform=key.platform)
        .select_related("asset", "policy", "scan__detector", "scan__calibration")
        .prefetch_related(
            "scan__faces",
            Prefetch("verdicts", Verdict.objects.filter(current=True).select_related("policy")),
            Prefetch("cases", cases),
        )
    )


def find_item(key: ApiKey, item_id: Any) -> ContentItem:
    """Raises NotFound, also for another platform's, and Gone."""
    item = items_of(key).filter(pk=item_id).first()
    if item is None:
        raise NotFound("there is no such item")
    if item.erased_at is not None:
        raise Gone
    return item


def reviews(key: ApiKey) -> bool:
    """Who may read or decide cases hears no score before a first opinion."""
    return bool(REVIEWS & set(key.scopes))


def told(items: Any, key: ApiKey, *, many: bool = False) -> Any:
    return ItemSerializer(items, many=many, context={"reviews": reviews(key)}).data


def accepted(request: Request, document: dict[str, Any]) -> Response:
    """202: the item as it stands, where to ask, and when."""
    where = reverse("guard:api:item", args=[document["id"]], request=request)
    return Response(document, status=202, headers={"Location": where, **LIVE})


class ItemsView(UploadView):
    scopes = {"POST": Scope.ITEMS_WRITE, "GET": Scope.ITEMS_READ}
    pagination_class = NewestFirst

    @extend_schema(
        operation_id="items_create",
        request={"multipart/form-data": SubmissionSerializer, "application/json": AddressSerializer},
        responses={200: ItemSerializer, 202: ItemSerializer, **problems(409, 410, 411, 413, 415, 422, 429)},
        parameters=[
            idempotency.HEADER,
            OpenApiParameter("Prefer", str, OpenApiParameter.HEADER, description="`wait=8`: up to 10 seconds"),
            OpenApiParameter("Preference-Applied", str, OpenApiParameter.HEADER, response=[200, 202]),
            *WHERE,
        ],
    )
    def post(self, request: Request) -> Response:
        """Submit one file, or the address of one.

        The answer comes at once; ask `Location` until the status is terminal, or take webhooks.

        With `Prefer: wait=8` it comes when the item has ended, as a 200, or after so many seconds, as a 202.
        """
        form = SubmissionSerializer(data=request.data, context={"platform": key_of(request).platform})
        form.is_valid(raise_exception=True)
        given = form.validated_data
        digest = idempotency.digest_of(
            {name: value.sha256 if name == "file" else str(value) for name, value in given.items()}
        )
        key = idempotency.key_in(request)
        return idempotency.once(key_of(request), key, digest, lambda: self._submit(request, given))

    def _submit(self, request: Request, given: dict[str, Any]) -> tuple[Response, ContentItem]:
        key = key_of(request)
        made = take(key.platform, given, actor=actor_of(request))
        if made.created and made.item.status == ItemStatus.QUEUED:
            return accepted(request, fresh(made.item)), made.item
        return accepted(request, told(items_of(key).get(pk=made.item.pk), key)), made.item

    @extend_schema(
        operation_id="items_list",
        responses={200: ItemSerializer(many=True), **problems()},
        parameters=[
            ItemFilterSerializer,
            *PAGES,
        ],
    )
    def get(self, request: Request) -> Response:
        """Newest first; erased items are left out. Filters narrow together."""
        key = key_of(request)
        chosen = ItemFilterSerializer.read(request)
        items = narrow(items_of(key).filter(erased_at=None), chosen, key.platform, reviews=reviews(key))
        pages = self.pagination_class()
        page = pages.paginate_queryset(items, request, view=self)
        return pages.get_paginated_response(told(page, key, many=True))


class ItemView(ApiView):
    scopes = {"GET": Scope.ITEMS_READ, "DELETE": Scope.ITEMS_ERASE}

    @extend_schema(
        operation_id="items_read",
        responses={200: ItemSerializer, 304: OpenApiResponse(description="unchanged"), **problems(404, 410)},
        parameters=[
            OpenApiParameter("If-None-Match", str, OpenApiParameter.HEADER, description="an `ETag` told before"),
            OpenApiParameter("ETag", str, OpenApiParameter.HEADER, response=[200, 304]),
            OpenApiParameter("Retry-After", int, OpenApiParameter.HEADER, response=[200]),
        ],
    )
    def get(self, request: Request, item_id: Any) -> HttpResponseBase:
        """Everything known of one item: status, faces, scores, verdict, review."""
        key = key_of(request)
        item = find_item(key, item_id)
        document = told(item, key)
        tag = f'"{hashlib.sha256(Renderer().render(document)).hexdigest()[:32]}"'
        headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Authorization"}
        live = {} if item.status in TERMINAL_ITEM_STATUSES else LIVE
        answer = Response(document, headers={**headers, **live})
        return get_conditional_response(request, etag=tag, response=answer) or answer

    @extend_schema(operation_id="items_erase", responses={204: None, **problems(404, 409, 410)})
    def delete(self, request: Request, item_id: Any) -> Response:
        """Erase content and pictures; a tombstone without content stays."""
        key = key_of(request)
        retention.erase(find_item(key, item_id), actor=f"key:{key.pk}")
        return Response(status=204)
