"""A first opinion on a case that is blind first: stored, then the ordinary page opens with it pressed."""

from __future__ import annotations

from django.core.exceptions import BadRequest
from django.http import HttpResponse
from django.views.decorators.http import require_POST

from moderation.console.access import DECIDE, DeskRequest, needs
from moderation.console.case import Given, case_page
from moderation.console.decide import held_or_taken
from moderation.console.lease import case_or_404, row_or_404
from moderation.console.onward import to_case
from moderation.services import decisions, opinions
from moderation.vocabulary import DecisionValue


@require_POST
@needs(DECIDE)
def opinion(request: DeskRequest, number: int) -> HttpResponse:
    case = row_or_404(number)
    given = Given.read(request.POST)
    try:
        value = DecisionValue(given.value)
    except ValueError as error:
        raise BadRequest(str(error)) from error
    try:
        opinions.first(case, request.user, held_or_taken(case, request), value)
    except decisions.LeaseLost as lost:
        return case_page(request, case_or_404(number), given, lost=lost, status=409)
    return to_case(request, number)
