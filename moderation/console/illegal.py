"""Suspected illegal content: locking a case, and the page of those who may go on from there."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from moderation import queries
from moderation.console.access import DECIDE, HANDLE_ILLEGAL, DeskRequest, needs
from moderation.console.lease import case_or_404, next_lease, row_or_404
from moderation.console.media import picture_response
from moderation.console.onward import onward
from moderation.console.step_up import step_up
from moderation.models import IllegalRecord, ReviewCase
from moderation.services import illegal
from moderation.vocabulary import IllegalKind


@require_POST
@needs(DECIDE)
def lock(request: DeskRequest, number: int) -> HttpResponse:
    """One action: the case stops here, and the next one opens."""
    case = row_or_404(number)
    try:
        kind = IllegalKind(request.POST.get("kind", ""))
    except ValueError as error:
        raise BadRequest(str(error)) from error
    try:
        illegal.lock(case, request.user, kind, request.POST.get("illegal_note", ""))
    except illegal.LockedAlready:
        messages.info(request, gettext("Case %(number)s is locked already.") % {"number": number})
    else:
        messages.info(
            request,
            gettext("Case %(number)s is locked: nobody sees the picture any more. Take a break if you need one.")
            % {"number": number},
        )
    return onward(request, next_lease(request.user))


def _record_or_404(case: ReviewCase) -> IllegalRecord:
    record = queries.illegal_record(case.item)
    if record is None:
        raise Http404(gettext("Case %(number)s has never been locked.") % {"number": case.pk})
    return record


@require_safe
@needs(HANDLE_ILLEGAL)
@step_up
def record(request: DeskRequest, number: int) -> HttpResponse:
    case = case_or_404(number)
    context = {"case": case, "item": case.item, "record": _record_or_404(case), "view": queries.locked_view(case)}
    return render(request, "deepfake_guard/illegal.html", context)


@require_safe
@needs(HANDLE_ILLEGAL)
@step_up
def locked_picture(request: DeskRequest, number: int, derivative_id: uuid.UUID) -> HttpResponse:
    """Only from the link that asks for it, never as part of a page; each look is written down."""
    case = case_or_404(number)
    kept, view = _record_or_404(case), queries.locked_view(case)
    if view is None or view.pk != derivative_id or request.headers.get("Sec-Purpose"):
        raise Http404(gettext("There is no such picture."))
    illegal.viewed(kept, request.user)
    return picture_response(view, cached="no-store")


@require_safe
@needs(HANDLE_ILLEGAL)
@step_up
def record_file(request: DeskRequest, number: int) -> HttpResponse:
    """What a report to an authority needs, as JSON; times in UTC."""
    kept = _record_or_404(case_or_404(number))
    illegal.exported(kept, request.user)
    body = {
        "record_id": str(kept.pk),
        "case_id": str(kept.case.public_id),
        "suspected": kept.kind,
        "note": kept.note,
        "found_at": kept.marked_at.isoformat(),
        **kept.facts,
    }
    name = f'attachment; filename="record-{kept.pk}.json"'
    return JsonResponse(body, headers={"Content-Disposition": name})


@require_POST
@needs(HANDLE_ILLEGAL)
@step_up
def handle(request: DeskRequest, number: int) -> HttpResponse:
    """Reported to an authority, or released as a mistake."""
    kept, given = _record_or_404(case_or_404(number)), request.POST
    try:
        if given.get("outcome") == "reported":
            reference, authority = given.get("reference", ""), given.get("authority", "")
            done = illegal.reported(
                kept, request.user, authority=authority, reference=reference, note=given.get("why", "")
            )
        elif given.get("outcome") == "released":
            done = illegal.release(kept, request.user, why=given.get("why", ""))
        else:
            raise BadRequest("outcome must be reported or released")
    except ValueError as error:
        messages.warning(request, gettext("Not done: %(error)s.") % {"error": error})
        return redirect("guard:illegal", number)
    if not done:
        messages.warning(request, gettext("Somebody else has handled this record."))
    return redirect("guard:case", number)
