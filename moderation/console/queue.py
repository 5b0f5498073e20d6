"""The review queue: open cases, due first; views are links, filters a GET form, pages go by keyset."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from moderation import queries, reach
from moderation.console.access import DECIDE, VIEW, DeskRequest, needs
from moderation.console.lease import take_next
from moderation.services import exposure
from moderation.vocabulary import Reason, Statement

VIEW_NAMES = {"all": "All open", "due": "Due within 1 h", "free": "Free", "mine": "Mine", "escalated": "Escalated"}
FINDINGS = (
    *((statement.value, statement.value.replace("_", " ")) for statement in Statement),
    (queries.NOT_SCORED, "not scored"),
)
REASONS = (
    Reason.AT_REVIEW_LINE,
    Reason.AT_RESOLUTION,
    Reason.AT_BLOCK_LINE,
    Reason.DECODE_ERROR,
    Reason.TOO_MANY_PIXELS,
    Reason.ATTEMPTS_SPENT,
)


@require_safe
@needs(VIEW)
def queue(request: DeskRequest) -> HttpResponse:
    chosen = queries.CaseFilter.read(request.GET)
    page = queries.case_page(
        chosen, request.user, after=request.GET.get("after", ""), before=request.GET.get("before", "")
    )
    counts = queries.view_counts(request.user)
    context: dict[str, Any] = {
        "chosen": chosen,
        "page": page,
        "counts": counts,
        "oldest": queries.oldest_open_case(request.user),
        "views": [(name, VIEW_NAMES[name], counts[name], _address(chosen, view=name)) for name in queries.VIEWS],
        "newer": _address(chosen, before=page.newer) if page.newer else "",
        "older": _address(chosen, after=page.older) if page.older else "",
        "policies": queries.active_policies(request.user),
        "capped": exposure.cap_is_reached(request.user),
        "findings": FINDINGS,
        "reasons": REASONS,
        "no_platform": reach.seen_by(request.user) == reach.Seen(False, ()),
        "sorts": (("due", "Due first"), ("p", "Smallest p-value first"), ("oldest", "Oldest first")),
    }
    return render(request, "deepfake_guard/queue.html", context)


def _address(chosen: queries.CaseFilter, *, after: str = "", before: str = "", **changed: str) -> str:
    fields = chosen.address(**changed) | {
        name: value for name, value in (("after", after), ("before", before)) if value
    }
    return f"?{urlencode(fields)}"


@require_POST
@needs(DECIDE)
def next_case(request: DeskRequest) -> HttpResponse:
    address = take_next(request.user)
    if address is None and exposure.cap_is_reached(request.user):
        return redirect("guard:queue")  # where the page says so
    if address is None:
        messages.info(request, "No case is free. What others hold comes back when their time is up.")
        return redirect("guard:queue")
    return redirect(address)
