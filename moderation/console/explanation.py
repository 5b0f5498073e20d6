"""Why a face looks unusual: its place among genuine faces, where it is strange, and what is unsure about it."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from deepfake_guard.detector.explain import words
from moderation import blind, queries, search
from moderation.console.access import VIEW, DeskRequest, needs
from moderation.console.findings import picture_of
from moderation.console.item import item_or_404
from moderation.console.lease import case_or_404
from moderation.models import ReviewCase


def _case_it_is_read_on(request: DeskRequest, item_id: uuid.UUID) -> ReviewCase | None:
    """As the address says: an item may have several, and who answers a check must not be led to the case before it."""
    if not (given := request.GET.get("case", "")):
        return None
    number = search.case_number(given)
    case = case_or_404(number) if number is not None else None
    if case is None or case.item_id != item_id:
        raise Http404(gettext("The item has no such case."))
    return case


@require_safe
@needs(VIEW)
def explanation(request: DeskRequest, item_id: uuid.UUID, number: int) -> HttpResponse:
    """Of one scored face of an item; faces are counted from 1."""
    case = _case_it_is_read_on(request, item_id)
    item = case.item if case is not None else item_or_404(item_id)
    if blind.item_is_hidden(item, request.user):
        messages.info(request, gettext("What was found is shown after your first opinion."))
        return redirect("guard:case", case.number) if case is not None else redirect("guard:item", item.pk)
    verdict = queries.current_verdict(item)
    picture = picture_of(item, verdict, request.user)
    found = next((found for found in picture.findings if found.number == number and found.scored), None)
    if found is None:
        raise Http404(gettext("The picture has no such face, or the face was not scored."))
    calibration = item.scan.calibration if item.scan is not None else None
    decides = calibration.manifest.get("decides", []) if calibration is not None else []
    context = {
        "item": item,
        "verdict": verdict,
        "picture": picture,
        "found": found,
        "case": case,
        "map_says": words.whose_map(decides, gettext),
    }
    return render(request, "deepfake_guard/explanation.html", context)
