"""Deciding, handing on, skipping; taking back, and holding the ten seconds in between (design.md §4.9)."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import Http404, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from moderation.console.access import DECIDE, ESCALATE, DeskRequest, needs
from moderation.console.case import Given, case_page
from moderation.console.lease import case_or_404, next_lease, posted_token, row_or_404, take_next
from moderation.console.onward import go, onward, to_case
from moderation.models import Decision, ReviewCase
from moderation.services import cases, decisions, leases
from moderation.vocabulary import DecisionState, DecisionValue, Effect


@require_POST
@needs(DECIDE)
def decide(request: DeskRequest, number: int) -> HttpResponse:
    """Record the decision and open the next case. Whatever stops it, what was filled in comes back with the page."""
    case = row_or_404(number)
    given = Given.read(request.POST)
    value, effect = _checked(given)
    try:
        token = held_or_taken(case, request)
        decisions.decide(case, request.user, token, value, reasons=given.reasons, note=given.note, effect=effect)
    except decisions.ReasonMissing:
        return case_page(request, case_or_404(number), given, reason_missing=True, status=422)
    except decisions.ReasonNotListed as wrong:
        unlisted = [given.reasons[place] for place in wrong.places]
        return case_page(request, case_or_404(number), given, unlisted=unlisted, status=422)
    except decisions.OpinionMissing:
        return to_case(request, number)
    except decisions.LeaseLost as lost:
        ready = take_next(request.user) if lost.gone else None
        return case_page(request, case_or_404(number), given, lost=lost, ready=ready, status=409)
    return onward(request, next_lease(request.user))


def _checked(given: Given) -> tuple[DecisionValue, Effect | None]:
    try:
        value, effect = DecisionValue(given.value), Effect(given.effect) if given.effect else None
    except ValueError as error:
        raise BadRequest(str(error)) from error
    if effect is Effect.NONE:
        raise BadRequest("`none` is the effect of what nobody has concluded")
    return value, effect


def held_or_taken(case: ReviewCase, request: DeskRequest) -> uuid.UUID:
    """The posted token. Without one (no script, or a very quick hand) the case is taken now. Raises LeaseLost."""
    token = posted_token(request)
    if token is not None:
        return token
    lease = leases.lease(case, request.user)
    if lease is None:
        raise decisions.LeaseLost(ReviewCase.objects.get(pk=case.pk))
    return lease.token


@require_POST
@needs(ESCALATE)
def escalate(request: DeskRequest, number: int) -> HttpResponse:
    """Hand it to a senior, and open the next one."""
    token = posted_token(request)
    if token is None or not cases.escalate(row_or_404(number), request.user, token):
        messages.warning(
            request, gettext("Case %(number)s is not yours any more, so it was not escalated.") % {"number": number}
        )
        return to_case(request, number)
    messages.info(request, gettext("Case %(number)s waits for a senior now.") % {"number": number})
    return onward(request, next_lease(request.user))


@require_POST
@needs(DECIDE)
def skip(request: DeskRequest, number: int) -> HttpResponse:
    """Give it back and take the one after it; from the last one back to the queue."""
    case = row_or_404(number)
    token = posted_token(request)
    if token is not None:
        leases.release(case, token)
    lease = next_lease(request.user, after=case)
    if lease is None:
        messages.info(
            request,
            gettext("Case %(case)s is free again. It was the last one that you could take.") % {"case": case.pk},
        )
    return onward(request, lease)


def _own_decision(request: DeskRequest, decision_id: uuid.UUID) -> Decision:
    decision = Decision.objects.select_related("case").filter(pk=decision_id, user=request.user).first()
    if decision is None:
        raise Http404(gettext("This decision does not exist, or it is somebody else's."))
    return decision


@require_POST
@needs(DECIDE)
def undo(request: DeskRequest, decision_id: uuid.UUID) -> HttpResponse:
    decision = _own_decision(request, decision_id)
    if decisions.undo(decision, request.user) is None:
        messages.warning(
            request,
            gettext("Too late: the decision on case %(case_id)s stands, and the platform knows.")
            % {"case_id": decision.case_id},
        )
        return go(request, reverse("guard:queue"))
    messages.info(
        request,
        gettext("Undone: case %(case_id)s is yours again, as you had filled it in, and not decided.")
        % {"case_id": decision.case_id},
    )
    return to_case(request, decision.case_id)


@require_POST
@needs(DECIDE)
def hold(request: DeskRequest, decision_id: uuid.UUID) -> HttpResponse:
    """The bar is hovered or focused: {"seconds": left}; 409 when it has settled."""
    decision = _own_decision(request, decision_id)
    decisions.hold(decision, request.user)
    decision.refresh_from_db()
    if decision.state != DecisionState.PENDING:
        return JsonResponse({"seconds": 0}, status=409)
    left = (decision.settle_at - timezone.now()).total_seconds()
    return JsonResponse({"seconds": max(0, round(left))})
