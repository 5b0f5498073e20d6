from __future__ import annotations

from rest_framework.pagination import CursorPagination


class NewestFirst(CursorPagination):
    """Ids are time-ordered, so they are the cursor: stable while items arrive, flat whatever the page."""

    ordering = "-id"
    page_size = 50
    max_page_size = 200
    page_size_query_param = "limit"


class OldestFirst(NewestFirst):
    """For what is read as it happened."""

    ordering = "id"
