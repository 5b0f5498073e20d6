"""`POST /api/v1/items/{id}/rescan`: once more, by the detector in use now."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from moderation.api.idempotency import HEADER, once_a_key
from moderation.api.items import WHERE, accepted, find_item, items_of, told
from moderation.api.problems import Problem
from moderation.api.serializers import ItemSerializer, problems
from moderation.api.views import ApiView, actor_of, key_of
from moderation.models import ContentItem
from moderation.services import scanning
from moderation.vocabulary import TERMINAL_ITEM_STATUSES, Priority, Scope


class RescanView(ApiView):
    scopes = {"POST": Scope.ITEMS_WRITE}

    @extend_schema(
        operation_id="items_rescan",
        request=None,
        responses={202: ItemSerializer, **problems(404, 409, 410, 422)},
        parameters=[*WHERE, HEADER],
    )
    def post(self, request: Request, item_id: Any) -> Response:
        """Scan a finished item's file again, for all items that share it. What a person decided stays in force."""
        item = find_item(key_of(request), item_id)
        return once_a_key(request, lambda: (self._rescan(request, item), item))

    def _rescan(self, request: Request, item: ContentItem) -> Response:
        key = key_of(request)
        unfinished = Problem(409, "not_finished", "the item is still being screened")
        if item.status not in TERMINAL_ITEM_STATUSES:
            raise unfinished
        if item.asset is None or item.asset.removed_at is not None or item.asset.locked_at is not None:
            raise Problem(409, "no_media", "the item's file is not there to be scanned again: submit it")
        if (
            scanning.rescan(item.asset, actor=actor_of(request), priority=Priority(item.priority)) is None
        ):  # another one came first
            raise unfinished
        return accepted(request, told(items_of(key).get(pk=item.pk), key))
