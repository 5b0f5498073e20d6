"""User reports: what a case page shows of them, and a form for those that come by mail."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from moderation.console.access import DECIDE, DeskRequest, needs
from moderation.console.item import item_or_404
from moderation.models import ContentItem, UserReport
from moderation.services import cases, reports
from moderation.vocabulary import ReportReason


@dataclass(frozen=True, slots=True)
class Told:
    """A report with its reporter's record: of `earlier` decided reports, `confirmed` were right."""

    report: UserReport
    confirmed: int
    earlier: int


def reports_on(item: ContentItem) -> list[Told]:
    """Oldest first."""
    made = list(UserReport.objects.filter(item=item).order_by("created_at"))
    if not made:
        return []
    records = cases.reporters_records(item, [report.reporter_digest for report in made])
    return [Told(report, records[report.reporter_digest][0], sum(records[report.reporter_digest])) for report in made]


@require_http_methods(["GET", "HEAD", "POST"])
@needs(DECIDE)
def report(request: DeskRequest, item_id: uuid.UUID) -> HttpResponse:
    item = item_or_404(item_id)
    given = {name: request.POST.get(name, "") for name in ("reporter", "reason", "text")}
    if request.method == "POST":
        try:
            reason = ReportReason(given["reason"])
            _, new = reports.report(
                item, given["reporter"].strip(), reason, given["text"], actor=f"user:{request.user.pk}"
            )
        except ValueError as error:
            raise BadRequest(str(error)) from error
        said = (
            gettext("The report is kept.")
            if new
            else gettext("This user has reported the item before; that report stands.")
        )
        messages.info(request, said)
        return redirect("guard:item", item.pk)
    context = {"item": item, "given": given, "reasons": list(ReportReason)}
    return render(request, "deepfake_guard/report.html", context)
