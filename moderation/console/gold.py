"""The sealed set: items whose answer is known. Kept by who may reverse decisions; nobody is asked about an own seal."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.db.models import Count, F, Q, QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from moderation import queries
from moderation.console.access import REVERSE, DeskRequest, needs
from moderation.console.paging import around, asked_for
from moderation.console.step_up import step_up
from moderation.models import GoldItem
from moderation.reach import may_see, sees
from moderation.rules import Rules, in_words
from moderation.sentence import translated
from moderation.services import quality
from moderation.vocabulary import CONCLUSIONS, CasePurpose, DecisionState

PAGE = "deepfake_guard/statistics/gold.html"
NEWEST = ("-sealed_at", "-item_id")


@require_safe
@needs(REVERSE)
def gold(request: DeskRequest) -> HttpResponse:
    return page(request)


def page(request: DeskRequest, *, status: int = 200, **given: Any) -> HttpResponse:
    listed = {one.platform_id: Rules.from_document(one.rules).reasons for one in queries.active_policies(request.user)}
    sealed = asked_for(request, _sealed(request), NEWEST)
    for one in sealed.rows:
        one.stated = in_words(one.reasons, listed.get(one.item.platform_id, ()))  # type: ignore[attr-defined]
    context = {
        "items": sealed.rows,
        "count": GoldItem.objects.filter(sees(request.user)).count(),
        **around(sealed),
        "truths": CONCLUSIONS,
        "reasons": {reason.code: reason for reasons in listed.values() for reason in reasons}.values(),
        **given,
    }
    return render(request, PAGE, context, status=status)


def _sealed(request: DeskRequest) -> QuerySet[GoldItem]:
    """`answered` and `right` count the settled answers of each."""
    answer = Q(item__cases__purpose=CasePurpose.GOLD, item__cases__decisions__state=DecisionState.SETTLED)
    return (
        GoldItem.objects.filter(sees(request.user))
        .select_related("item__platform", "sealed_by")
        .annotate(
            answered=Count("item__cases__decisions", filter=answer, distinct=True),
            right=Count(
                "item__cases__decisions", filter=answer & Q(item__cases__decisions__value=F("truth")), distinct=True
            ),
        )
    )


@require_POST
@needs(REVERSE)
@step_up
def seal(request: DeskRequest) -> HttpResponse:
    """By the number of a case of the item."""
    number = request.POST.get("case", "").strip()[:18]
    truth, reasons = request.POST.get("truth", ""), request.POST.getlist("reason")
    typed = {"number": number, "truth": truth, "chosen": reasons}
    case = queries.case_by_number(int(number)) if number.isascii() and number.isdigit() else None
    if case is None or not may_see(request.user, case.item.platform_id):
        no_case = gettext("There is no case %(number)s.") if number else gettext("Give the number of a case.")
        return page(request, status=422, error=no_case % {"number": number}, **typed)
    try:
        quality.seal(case.item, truth, reasons=reasons, by=request.user, actor=f"user:{request.user.pk}")
    except ValueError as error:
        return page(request, status=422, error=translated(error.args[0], gettext), **typed)
    messages.info(
        request,
        gettext("The item of case %(number)s is sealed. Where its policy wants known answers, it is asked.")
        % {"number": number},
    )
    return redirect("guard:gold")


@require_POST
@needs(REVERSE)
@step_up
def retire(request: DeskRequest, item_id: uuid.UUID) -> HttpResponse:
    found = GoldItem.objects.filter(pk=item_id).first()
    if found is None:
        raise Http404(gettext("There is no such gold item."))
    quality.retire(found, actor=f"user:{request.user.pk}")
    messages.info(request, gettext("It is asked no more. What was answered still counts."))
    return redirect("guard:gold")
