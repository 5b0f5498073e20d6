"""Deciding many at once: from the near copies of one case, never from free selection; every case named first."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from moderation import blind, queries
from moderation.console.access import BULK, REVERSE, DeskRequest, needs
from moderation.console.case import EFFECTS, Given
from moderation.console.lease import case_or_404
from moderation.console.onward import go
from moderation.console.step_up import step_up
from moderation.models import Batch, ReviewCase
from moderation.rules import Rules
from moderation.services import campaigns, decisions, platforms
from moderation.services.decisions import NEEDS_REASON
from moderation.vocabulary import CONCLUSIONS, DecisionState, DecisionValue, Effect


@require_http_methods(["GET", "HEAD", "POST"])
@needs(BULK)
@step_up
def campaign(request: DeskRequest, number: int) -> HttpResponse:
    """The contact sheet, all ticked; what stops the decision comes back with everything as it was filled in."""
    case, error = case_or_404(number), ""
    if blind.is_hidden(case, request.user):
        return redirect("guard:case", number)
    given = Given.read(request.POST)
    ticked = [int(text) for text in request.POST.getlist("case") if text.isdecimal()][: campaigns.AT_MOST + 1]
    if request.method == "POST":
        try:
            outcome = _decide(request, case, given, ticked)
        except (campaigns.WrongCount, campaigns.NotAlike, decisions.ReasonNotListed) as refused:
            error = gettext("Nothing was decided: %(why)s") % {"why": refused}
        except decisions.ReasonMissing:
            error = gettext("Nothing was decided: “%(decision)s” needs at least one reason.") % {
                "decision": gettext(given.value.replace("_", " "))
            }
        else:
            if outcome.missed:
                taken = ", ".join(str(missed) for missed in outcome.missed)
                messages.warning(
                    request, gettext("Taken by others meanwhile, and not decided: %(taken)s.") % {"taken": taken}
                )
            return redirect("guard:batch", outcome.batch.pk)
    distances = campaigns.alike(case, request.user)
    members = queries.cases_by_number(list(distances))
    context: dict[str, Any] = {
        "case": case,
        "item": case.item,
        "members": [(member, distances[member.pk]) for member in members],
        "ticked": set(ticked) if request.method == "POST" else set(distances),
        "given": given,
        "typed": request.POST.get("count", ""),
        "error": error,
        "conclusions": [(value, value in NEEDS_REASON) for value in CONCLUSIONS],
        "reasons": Rules.from_document(platforms.policy_of(case.item).rules).reasons,
        "effects": EFFECTS,
    }
    return render(request, "deepfake_guard/campaign.html", context, status=422 if error else 200)


def _decide(request: DeskRequest, case: ReviewCase, given: Given, ticked: list[int]) -> campaigns.Outcome:
    typed = request.POST.get("count", "")
    try:
        value, effect = DecisionValue(given.value), Effect(given.effect) if given.effect else None
        count = int(typed) if typed.isdecimal() and len(typed) < 5 else 0
    except ValueError as error:
        raise BadRequest(str(error)) from error
    if value not in CONCLUSIONS or effect is Effect.NONE:
        raise BadRequest("decide synthetic, altered or genuine")
    return campaigns.decide(
        case, request.user, ticked, count, value, reasons=given.reasons, note=given.note, effect=effect
    )


def _batch_or_404(batch_id: uuid.UUID) -> Batch:
    batch = campaigns.batch_by_id(batch_id)
    if batch is None:
        raise Http404(gettext("This batch does not exist."))
    return batch


@require_safe
@needs(BULK)
def batch(request: DeskRequest, batch_id: uuid.UUID) -> HttpResponse:
    found = _batch_or_404(batch_id)
    made = queries.decisions_of(found)
    context = {
        "batch": found,
        "decisions": made,
        "settled": any(decision.state == DecisionState.SETTLED for decision in made),
        "conclusions": CONCLUSIONS,
    }
    return render(request, "deepfake_guard/batch.html", context)


@require_POST
@needs(BULK)
def undo_batch(request: DeskRequest, batch_id: uuid.UUID) -> HttpResponse:
    taken_back = campaigns.undo(_batch_or_404(batch_id), request.user)
    messages.info(
        request,
        gettext("Taken back: %(taken_back)s. What had settled can be reversed, as one, too.")
        % {"taken_back": taken_back},
    )
    return go(request, reverse("guard:batch", args=[batch_id]))


@require_POST
@needs(REVERSE)
@step_up
def reverse_batch(request: DeskRequest, batch_id: uuid.UUID) -> HttpResponse:
    found = _batch_or_404(batch_id)
    try:
        value = DecisionValue(request.POST.get("decision", ""))
    except ValueError as error:
        raise BadRequest(str(error)) from error
    try:
        done, left = campaigns.reverse(
            found, request.user, value, why=request.POST.get("why", "").replace("\0", "")[:2000]
        )
    except decisions.ReasonMissing:
        messages.warning(request, gettext("Say why: whoever reads the history must be able to follow it."))
    else:
        messages.info(
            request, gettext("Reversed: %(done)s. Left as they are: %(left)s.") % {"done": done, "left": left}
        )
    return redirect("guard:batch", batch_id)
