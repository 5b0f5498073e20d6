"""Holding a case: taken when it is opened, renewed by input, given back, skipped."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from moderation import queries
from moderation.console.access import DECIDE, ESCALATE, DeskRequest, needs
from moderation.console.disguise import as_if_new
from moderation.models import ReviewCase
from moderation.services import cases, exposure, leases

PART = "deepfake_guard/parts/lease.html"


@dataclass(frozen=True, slots=True)
class Hold:
    """One's own hold on a case, in seconds."""

    token: uuid.UUID
    seconds: int
    full: int


def case_or_404(number: int) -> ReviewCase:
    case = queries.case_by_number(number)
    if case is None or case.item.erased_at is not None:
        raise Http404(f"Case {number} does not exist, or its item was erased.")
    return as_if_new(case)


def own_hold(case: ReviewCase, user: User) -> Hold | None:
    """What this person holds already; another tab shares it."""
    if case.holder_id != user.pk or case.lease_token is None or case.lease_until is None:
        return None
    seconds = round((case.lease_until - timezone.now()).total_seconds())
    return Hold(case.lease_token, seconds, round(leases.hold_length().total_seconds())) if seconds > 0 else None


def take_next(user: User, after: ReviewCase | None = None) -> str | None:
    """Take the next case; its address, with the heading as the place to start. None at the daily cap."""
    if exposure.cap_is_reached(user):
        return None
    lease = leases.lease_next(user, after)
    if lease is None:
        return None
    return f"{reverse('guard:case', args=[lease.case.pk])}#case-title"


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
    case = case_or_404(number)
    token, idle = posted_token(request), posted_idle(request)
    kept = leases.renew(case, token, idle) is not None if token else False
    kept = kept or own_hold(case_or_404(number), request.user) is not None
    if not kept and idle < leases.hold_length():  # somebody is there, and nobody else has it
        kept = leases.lease(case, request.user) is not None
    case = case_or_404(number)
    if kept:
        leases.show(case, request.user)
        leases.renew_ahead(request.user, idle)
        leases.lease_ahead(request.user)
    if not request.htmx:
        return redirect("guard:case", number)
    context = {"case": case, "hold": own_hold(case, request.user), "lost": bool(token) and not kept}
    return render(request, PART, context | {"other": leases.taken_by_other(case, request.user)})


@require_POST
@needs(DECIDE)
def release(request: DeskRequest, number: int) -> HttpResponse:
    """Give the case back, and with it what was fetched ahead; also sent by a page that is being left (204)."""
    token = posted_token(request)
    if token is not None and leases.release(case_or_404(number), token):
        leases.release_ahead(request.user)
    return HttpResponse(status=204) if request.POST.get("leaving") else redirect("guard:queue")


@require_POST
@needs(ESCALATE)
def escalate(request: DeskRequest, number: int) -> HttpResponse:
    """Hand it to a senior, and open the next one."""
    token = posted_token(request)
    if token is None or not cases.escalate(case_or_404(number), request.user, token):
        messages.warning(request, f"Case {number} is not yours any more, so it was not escalated.")
        return redirect("guard:case", number)
    messages.info(request, f"Case {number} waits for a senior now.")
    return redirect(take_next(request.user) or "guard:queue")


@require_POST
@needs(DECIDE)
def skip(request: DeskRequest, number: int) -> HttpResponse:
    """Give it back and take the one after it; from the last one back to the queue."""
    case = case_or_404(number)
    token = posted_token(request)
    if token is not None:
        leases.release(case, token)
    address = take_next(request.user, after=case)
    if address is None:
        messages.info(request, f"Case {case.pk} is free again. It was the last one that you could take.")
        return redirect("guard:queue")
    return redirect(address)
