"""The review queue, as a table or as tiles: due first; views are links, filters a GET form, pages go by keyset."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext, gettext_noop
from django.views.decorators.http import require_POST, require_safe

from moderation import queries, queue_queries, reach, search
from moderation.authority import may
from moderation.console.access import BULK, DECIDE, VIEW, DeskRequest, needs
from moderation.console.lease import take_next
from moderation.models.review import QUEUE_REASONS
from moderation.services import campaigns, exposure, filters, platforms
from moderation.vocabulary import Statement

VIEW_NAMES = {
    "all": gettext_noop("All open"),
    "due": gettext_noop("Due within 1 h"),
    "free": gettext_noop("Free"),
    "mine": gettext_noop("Mine"),
    "escalated": gettext_noop("Escalated"),
    "closed": gettext_noop("Closed"),
    "locked": gettext_noop("Locked"),
}
SORTS = (
    ("due", gettext_noop("Due first")),
    ("p", gettext_noop("Smallest p-value first")),
    ("oldest", gettext_noop("Oldest first")),
)
LAYOUTS = (("table", gettext_noop("Table"), "rows"), ("grid", gettext_noop("Grid"), "grid"))
FINDINGS = (
    *((statement.value, statement.value.replace("_", " ")) for statement in Statement),
    (queue_queries.NOT_SCORED, gettext_noop("not scored")),
)


@require_safe
@needs(VIEW)
def queue(request: DeskRequest) -> HttpResponse:
    chosen = queue_queries.CaseFilter.read(request.GET)
    found = search.cases(chosen.q, platforms.author_digests(chosen.q)) if chosen.q else search.NOTHING
    page = queue_queries.case_page(
        chosen,
        request.user,
        after=request.GET.get("after", ""),
        before=request.GET.get("before", ""),
        meant_by_q=found.numbers,
    )
    counts = queue_queries.view_counts(request.user)
    context: dict[str, Any] = {
        "chosen": chosen,
        "page": page,
        "cut": found.cut,
        "found_at_most": search.FOUND_AT_MOST,
        "counts": counts,
        "oldest": queue_queries.oldest_open_case(request.user),
        "views": [
            (name, gettext(VIEW_NAMES[name]), counts.get(name), _address(chosen, view=name))
            for name in queue_queries.views_for(request.user)
        ],
        "layouts": [(name, gettext(words), look, _address(chosen, layout=name)) for name, words, look in LAYOUTS],
        "alike": campaigns.among(page.rows) if may(request.user, BULK) else [],
        "newer": _address(chosen, before=page.newer) if page.newer else "",
        "older": _address(chosen, after=page.older) if page.older else "",
        "policies": queries.active_policies(request.user),
        "versions": queue_queries.policies_in_use(request.user),
        "saved": queue_queries.saved_filters(request.user),
        "here": urlencode(chosen.address()),
        "capped": exposure.cap_is_reached(request.user),
        "findings": [(value, gettext(words)) for value, words in FINDINGS],
        "reasons": QUEUE_REASONS,
        "no_platform": reach.seen_by(request.user) == reach.Seen(False, ()),
        "sorts": [(value, gettext(words)) for value, words in SORTS],
    }
    return render(request, "deepfake_guard/queue.html", context)


def _address(chosen: queue_queries.CaseFilter, *, after: str = "", before: str = "", **changed: str) -> str:
    fields = chosen.address(**changed) | {
        name: value for name, value in (("after", after), ("before", before)) if value
    }
    return f"?{urlencode(fields)}"


@require_POST
@needs(VIEW)
def save_filter(request: DeskRequest) -> HttpResponse:
    """Keep the view under a name. The address is read and written anew, so it can hold nothing but filters."""
    chosen = queue_queries.CaseFilter.read(QueryDict(request.POST.get("address", "")[:1000]))
    address = urlencode(chosen.address())
    try:
        filters.save(request.user, request.POST.get("name", ""), address)
    except ValueError as error:
        messages.warning(request, gettext("Not kept: %(error)s.") % {"error": error})
    return redirect(f"{reverse('guard:queue')}?{address}")


@require_POST
@needs(VIEW)
def delete_filter(request: DeskRequest, filter_id: uuid.UUID) -> HttpResponse:
    filters.delete(request.user, filter_id)
    return redirect("guard:queue")


@require_POST
@needs(DECIDE)
def next_case(request: DeskRequest) -> HttpResponse:
    address = take_next(request.user)
    if address is None and exposure.cap_is_reached(request.user):
        return redirect("guard:queue")  # where the page says so
    if address is None:
        messages.info(request, gettext("No case is free. What others hold comes back when their time is up."))
        return redirect("guard:queue")
    return redirect(address)
