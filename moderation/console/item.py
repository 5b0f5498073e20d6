"""An item that did not become a case, or is not one yet: the same parts, without the decision."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib.auth.models import User
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from moderation import blind, queries
from moderation.console.access import VIEW, DeskRequest, needs
from moderation.console.findings import picture_of, unexplained
from moderation.console.history import history_of
from moderation.console.policy_told import policies_told
from moderation.models import ContentItem
from moderation.vocabulary import TERMINAL_ITEM_STATUSES


def row_context(item: ContentItem, user: User) -> dict[str, Any]:
    """What one line of the upload page needs; `hidden`: a first opinion is awaited, so nothing found is told."""
    finished = item.status in TERMINAL_ITEM_STATUSES
    hidden = blind.item_is_hidden(item, user)
    verdict = queries.current_verdict(item)
    return {
        "item": item,
        "finished": finished,
        "hidden": hidden,
        "verdict": None if hidden else verdict,
        "case": queries.open_case_of(item) if finished else None,
        "worker_alive": finished or queries.a_worker_is_alive(),
    }


def item_or_404(item_id: uuid.UUID) -> ContentItem:
    item = queries.item_by_id(item_id)
    if item is None:
        raise Http404(gettext("This item does not exist, or it was erased."))
    return item


@require_safe
@needs(VIEW)
def item(request: DeskRequest, item_id: uuid.UUID) -> HttpResponse:
    item = item_or_404(item_id)
    context = row_context(item, request.user)
    if context["hidden"]:
        context |= {"picture": unexplained(item, request.user), "history": []}
    else:
        context |= {
            "picture": picture_of(item, context["verdict"], request.user),
            "versions": queries.other_versions(item),
            "policies": policies_told(item, context["verdict"]),
            "history": history_of(item),
        }
    return render(request, "deepfake_guard/item.html", context)


@require_safe
@needs(VIEW)
def item_row(request: DeskRequest, item_id: uuid.UUID) -> HttpResponse:
    """Polled until the item has ended; the last answer polls no more."""
    return render(request, "deepfake_guard/parts/file.html", row_context(item_or_404(item_id), request.user))
