"""What can still happen to a closed case: a senior's reversal, an author's appeal."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from moderation import queries
from moderation.console.access import DECIDE, REVERSE, DeskRequest, needs
from moderation.console.case import EFFECTS, Given
from moderation.console.lease import case_or_404
from moderation.console.step_up import step_up
from moderation.models import ReviewCase, Verdict
from moderation.rules import Rules
from moderation.sentence import translated
from moderation.services import appeals, decisions, platforms
from moderation.vocabulary import CONCLUSIONS, DecisionValue, Effect


def _in_force(case: ReviewCase) -> Verdict | None:
    return queries.current_verdict(case.item)


@require_http_methods(["GET", "HEAD", "POST"])
@needs(REVERSE)
@step_up
def reverse_decision(request: DeskRequest, number: int) -> HttpResponse:
    """The form, and what it asks for. Whatever stops it, what was filled in comes back with the page."""
    case = case_or_404(number)
    verdict = _in_force(case)
    if verdict is None or verdict.decision is None or verdict.decision.case_id != case.pk:
        messages.warning(
            request,
            gettext("Nothing that was decided on case %(number)s is in force, so nothing can be reversed.")
            % {"number": number},
        )
        return redirect("guard:case", number)
    given = Given.read(request.POST)
    error = ""
    if request.method == "POST":
        try:
            _reverse(request, case, given)
        except decisions.ReasonMissing:
            error = gettext("Say why: whoever reads the history must be able to follow it.")
        except (decisions.NotReversible, decisions.ReasonNotListed) as refused:
            error = translated(refused.args[0], gettext)
        else:
            messages.info(
                request,
                gettext("Case %(number)s is reversed, and %(platform)s is told.")
                % {"number": number, "platform": case.item.platform.name},
            )
            return redirect("guard:case", number)
    context: dict[str, Any] = {
        "case": case,
        "item": case.item,
        "verdict": verdict,
        "decision": verdict.decision,
        "given": given,
        "error": error,
        "conclusions": CONCLUSIONS,
        "reasons": Rules.from_document(platforms.policy_of(case.item).rules).reasons,
        "effects": EFFECTS,
    }
    return render(request, "deepfake_guard/reverse.html", context, status=422 if error else 200)


def _reverse(request: DeskRequest, case: ReviewCase, given: Given) -> None:
    try:
        value, effect = DecisionValue(given.value), Effect(given.effect) if given.effect else None
        seen = uuid.UUID(request.POST.get("seen", ""))
    except ValueError as error:
        raise BadRequest(str(error)) from error
    decisions.reverse(case, request.user, seen, value, why=given.note, reasons=given.reasons, effect=effect)


@require_http_methods(["GET", "HEAD", "POST"])
@needs(DECIDE)
def appeal(request: DeskRequest, number: int) -> HttpResponse:
    """For appeals that come by mail: a platform's own come through its API."""
    case, error = case_or_404(number), ""
    if request.method == "POST":
        try:
            made = appeals.open_appeal(case.item, request.POST.get("text", ""), actor=f"user:{request.user.pk}")
        except appeals.NotAppealable as refused:
            error = str(refused)
        else:
            messages.info(
                request,
                gettext("The appeal is case %(case_id)s. Whoever decided before cannot take it.")
                % {"case_id": made.case_id},
            )
            return redirect("guard:case", number)
    context = {"case": case, "item": case.item, "verdict": _in_force(case), "error": error}
    context["text"] = request.POST.get("text", "")
    return render(request, "deepfake_guard/appeal.html", context, status=422 if error else 200)
