"""The row that an address names, as the key may see it: another platform's does not exist."""

from __future__ import annotations

import uuid

from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from moderation.api.problems import Gone
from moderation.api.views import key_of
from moderation.models import ContentItem, ReviewCase


def own_item(request: Request, item_id: uuid.UUID) -> ContentItem:
    item = ContentItem.objects.filter(platform=key_of(request).platform, pk=item_id).first()
    if item is None:
        raise NotFound("there is no such item")
    if item.erased_at is not None:
        raise Gone
    return item


def own_case(request: Request, case_id: uuid.UUID) -> ReviewCase:
    cases = ReviewCase.objects.filter(platform=key_of(request).platform, public_id=case_id)
    case = cases.select_related("item__platform").first()
    if case is None:
        raise NotFound("there is no such case")
    if case.item.erased_at is not None:
        raise Gone
    return case
