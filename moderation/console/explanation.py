"""Why a face looks unusual: its place among genuine faces, where it is strange, and what is unsure about it."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from deepfake_guard.detector.explain import words
from moderation import blind, queries
from moderation.console.access import VIEW, DeskRequest, needs
from moderation.console.findings import picture_of
from moderation.console.item import item_or_404


@require_safe
@needs(VIEW)
def explanation(request: DeskRequest, item_id: uuid.UUID, number: int) -> HttpResponse:
    """Of one scored face of an item; faces are counted from 1."""
    item = item_or_404(item_id)
    case = queries.case_of(item)
    if case is not None and blind.is_hidden(case, request.user):
        messages.info(request, gettext("What was found is shown after your first opinion."))
        return redirect("guard:case", case.number)
    verdict = next(iter(item.current_verdicts), None)  # type: ignore[attr-defined]  # prefetched by queries
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
