from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import CursorPagination

PAGES = [
    OpenApiParameter("cursor", str, description="from `next` or `previous`"),
    OpenApiParameter("limit", int, description="a page: 50 unless said, at most 200"),
]
NOT_ONE = "not one of `next` or `previous`"


class NewestFirst(CursorPagination):
    """Ids are time-ordered, so they are the cursor: stable while items arrive, flat whatever the page."""

    ordering = "-id"
    page_size = 50
    max_page_size = 200
    page_size_query_param = "limit"

    def decode_cursor(self, request: Any) -> Any:
        """A cursor that was never given out is the caller's mistake, like any other parameter; the list is there."""
        try:
            cursor = super().decode_cursor(request)
        except NotFound as error:
            raise ValidationError({"cursor": NOT_ONE}) from error
        if (
            cursor is not None and not any(cursor) and request.query_params["cursor"]
        ):  # base64 skips what it cannot read
            raise ValidationError({"cursor": NOT_ONE})
        return cursor


class OldestFirst(NewestFirst):
    """For what is read as it happened."""

    ordering = "id"
