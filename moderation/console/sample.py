"""What people saw in items that policy let pass and chance drew: a senior opens a case of it."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from moderation import queries
from moderation.console.access import REVERSE, DeskRequest, needs
from moderation.console.paging import around, asked_for
from moderation.services import quality

NEWEST = ("-settled_at", "-id")


@require_safe
@needs(REVERSE)
def sample(request: DeskRequest) -> HttpResponse:
    page = asked_for(request, quality.found(request.user), NEWEST)
    items = {item.pk: item for item in queries.items_with_thumbnails([answer.case.item_id for answer in page.rows])}
    there = [(answer, items[answer.case.item_id]) for answer in page.rows if answer.case.item_id in items]
    context: dict[str, Any] = {"answers": there, **around(page)}
    return render(request, "deepfake_guard/statistics/sample.html", context)


@require_POST
@needs(REVERSE)
def open_found(request: DeskRequest, item_id: uuid.UUID) -> HttpResponse:
    item = queries.item_by_id(item_id)
    if item is None:
        raise Http404(gettext("There is no such item."))
    case = quality.open_found(item, request.user)
    if case is None:
        messages.info(request, gettext("Nothing is to be opened: a person has decided about this item meanwhile."))
        return redirect("guard:sample")
    return redirect("guard:case", case.number)
