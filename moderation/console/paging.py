"""Lists that go by pages (`moderation.keyset`): what the address asks for, and the addresses of the pages around."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from django.db.models import Model, QuerySet

from moderation import keyset
from moderation.console.access import DeskRequest

Row = TypeVar("Row", bound=Model)


def asked_for(request: DeskRequest, rows: QuerySet[Row], keys: Sequence[str]) -> keyset.Page[Row]:
    return keyset.page(rows, keys, after=request.GET.get("after", ""), before=request.GET.get("before", ""))


def around(page: keyset.Page[Any], kept: str = "", **given: str) -> dict[str, str]:
    """For `parts/pages.html`; `given` stays in the address, `kept` is the part of the page to come back to."""
    return {
        "newer": f"?{urlencode({**given, 'before': page.newer})}{kept}" if page.newer else "",
        "older": f"?{urlencode({**given, 'after': page.older})}{kept}" if page.older else "",
    }
