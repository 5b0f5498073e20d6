"""Holding a case: taken when it is opened, renewed by input, given back."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from moderation import queries, queue_queries
from moderation.console.access import DECIDE, DeskRequest, needs
from moderation.console.disguise import as_if_new
from moderation.console.stamp import stamps
from moderation.models import ReviewCase
from moderation.services import exposure, leases

PART = "deepfake_guard/parts/lease.html"


@dataclass(frozen=True, slots=True)
class Hold:
    """One's own hold on a case, in seconds."""

    token: uuid.UUID
    seconds: int
    full: int


def case_or_404(number: int) -> ReviewCase:
    """To be shown."""
    return as_if_new(_there(queries.case_by_number(number), number))


def row_or_404(number: int) -> ReviewCase:
    """To do something with it."""
    return _there(queries.case_row(number), number)


def _there(case: ReviewCase | None, number: int) -> ReviewCase:
    if case is None or case.item.erased_at is not None:
        raise Http404(gettext("Case %(number)s does not exist, or its item was erased.") % {"number": number})
    return case


def own_hold(case: ReviewCase, user: User) -> Hold | None:
    """What this person holds already; another tab shares it."""
    if case.holder_id != user.pk or case.lease_token is None or case.lease_until is None:
        return None
    hold = hold_of(case.lease_token, case.lease_until)
    return hold if hold.seconds > 0 else None


def hold_of(token: uuid.UUID, until: datetime) -> Hold:
    left = round((until - timezone.now()).total_seconds())
    return Hold(token, left, round(leases.hold_length().total_seconds()))


def next_lease(user: User, after: ReviewCase | None = None) -> leases.Lease | None:
    """Take the next case. None at the daily cap, and where there is none."""
    return None if exposure.cap_is_reached(user) else leases.lease_next(user, after)


def take_next(user: User) -> str | None:
    """The same; its address."""
    lease = next_lease(user)
    return address_of(lease.case.pk) if lease else None


def address_of(number: int) -> str:
    """With the heading as the place to start."""
    return f"{reverse('guard:case', args=[number])}#case-title"


def posted_token(request: DeskRequest) -> uuid.UUID | None:
    try:
        return uuid.UUID(request.POST.get("token", ""))
    except ValueError:
        return None


def posted_idle(request: DeskRequest) -> timedelta:
    """How long ago the page's last input was; what makes no sense counts as just now."""
    given = request.POST.get("idle", "")
    return timedelta(seconds=min(int(given), 86_400)) if given.isascii() and given.isdigit() else timedelta(0)


@require_POST
@needs(DECIDE)
def lease(request: DeskRequest, number: int) -> HttpResponse:
    """Take the case, or (with a token) say that the page is alive; answers with the ring, or with who has it now."""
    case = row_or_404(number)
    token, idle = posted_token(request), posted_idle(request)
    kept = leases.renew(case, token, idle) is not None if token else False
    kept = kept or own_hold(row_or_404(number), request.user) is not None
    if not kept and idle < leases.hold_length():  # somebody is there, and nobody else has it
        kept = leases.lease(case, request.user) is not None
    case = row_or_404(number)
    if kept:
        leases.show(case, request.user)
        leases.renew_ahead(request.user, idle)
        leases.lease_ahead(request.user)
    if not request.htmx:
        return redirect("guard:case", number)
    context = {"case": case, "hold": own_hold(case, request.user), "lost": bool(token) and not kept}
    context["other"] = leases.taken_by_other(case, request.user)
    return render(request, PART, context | (_ahead(case, request.user) if kept else {}))


def _ahead(case: ReviewCase, user: User) -> dict[str, Any]:
    """What comes next, and what its part of the page was made from: a script fetches it, and anew when that changes."""
    held = queue_queries.held_ahead(case, user)
    return {"ahead": stamps(held, user), "next": queue_queries.case_after(case, user), "fresh": True}


@require_POST
@needs(DECIDE)
def release(request: DeskRequest, number: int) -> HttpResponse:
    """Give the case back, and with it what was fetched ahead; also sent by a page that is being left (204)."""
    token = posted_token(request)
    if token is not None and leases.release(row_or_404(number), token):
        leases.release_ahead(request.user)
    return HttpResponse(status=204) if request.POST.get("leaving") else redirect("guard:queue")
