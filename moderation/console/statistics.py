"""How well the desk decides: figures with their n and interval, charts with a table each, and the rows as CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop
from django.views.decorators.http import require_safe

from moderation.authority import may
from moderation.console import charts
from moderation.console.access import EXPORT, MANAGE_PEOPLE, VIEW, DeskRequest, needs
from moderation.console.step_up import step_up
from moderation.models import Platform
from moderation.reach import seen_by, sees
from moderation.services.people import name_of
from moderation.services.quality import answers, export, figures
from moderation.services.quality.answers import Answer, Evidence, Period
from moderation.services.quality.figures import Personal

PERIODS = {"7": gettext_noop("7 days"), "28": gettext_noop("28 days"), "91": gettext_noop("Quarter")}
USUAL = "28"
AGE_WORDS = (  # of answers.AGE_EDGES
    *(
        gettext_noop("to 30 m"),
        gettext_noop("to 1 h"),
        gettext_noop("to 2 h"),
        gettext_noop("to 4 h"),
        gettext_noop("to 8 h"),
        gettext_noop("to 24 h"),
    ),
    gettext_noop("more"),
)
ERRORS = {
    figures.FALSE_POSITIVE: gettext_noop("False positive"),
    figures.FALSE_NEGATIVE: gettext_noop("False negative"),
    figures.WRONG_REASON: gettext_noop("Wrong reason"),
    figures.TECHNICAL: gettext_noop("Technical"),
}
KAPPA_BAND = (0.6, 0.8)  # "substantial", Landis and Koch, Biometrics 33 (1977)


@require_safe
@needs(VIEW)
def statistics(request: DeskRequest) -> HttpResponse:
    days, platform, evidence = _asked(request)
    context: dict[str, Any] = {
        "days": days,
        "periods": [(key, gettext(words)) for key, words in PERIODS.items()],
        "platforms": seen_platforms(request.user),
        "platform": platform,
        "evidence": evidence,
        "address": urlencode({"days": days, **({"platform": str(platform.pk)} if platform else {})}),
        "may_export": may(request.user, EXPORT),
        "numbers": _numbers(evidence),
        "day_chart": _day_chart(evidence),
        "quality_rows": _quality_rows(evidence),
        "age_chart": _age_chart(evidence),
        "kappa_chart": _kappa_chart(evidence.answers),
        "own": figures.personal(_of(evidence, request.user).answers),
        "team": _team(evidence.answers) if may(request.user, MANAGE_PEOPLE) else None,
    }
    return render(request, "deepfake_guard/statistics/statistics.html", context)


@require_safe
@needs(EXPORT)
@step_up
def statistics_csv(request: DeskRequest, table: str) -> HttpResponse:
    if table not in export.TABLES:
        raise Http404(gettext("There is no table %(name)s.") % {"name": table})
    if table == "team" and not may(request.user, MANAGE_PEOPLE):
        raise PermissionDenied(MANAGE_PEOPLE)
    days, _, evidence = _asked(request)
    if table == "own":
        evidence = _of(evidence, request.user)
    header, rows = export.table(table, evidence, people=may(request.user, MANAGE_PEOPLE))
    name = f"{table}-{days}-days-{timezone.now():%Y-%m-%d}.csv"
    answer = HttpResponse(
        content_type="text/csv; charset=utf-8", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
    writer = csv.writer(answer)
    writer.writerow(header)
    writer.writerows([_plain(cell) for cell in row] for row in rows)
    return answer


def _plain(cell: object) -> object:
    """A platform's name may begin like a formula; spreadsheets then must not run it (OWASP, CSV injection)."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in "=+-@\t\r" and cell else cell


def seen_platforms(user: User) -> list[Platform]:
    return list(Platform.objects.filter(sees(user, "pk")).order_by("name"))


def _asked(request: DeskRequest) -> tuple[str, Platform | None, Evidence]:
    days = request.GET.get("days", USUAL)
    days = days if days in PERIODS else USUAL
    platform = next(
        (one for one in seen_platforms(request.user) if str(one.pk) == request.GET.get("platform", "")), None
    )
    until = timezone.now()
    seen = seen_by(request.user)
    chosen = (platform.pk,) if platform else None if seen.everything else seen.platforms
    return days, platform, answers.read(Period(until - timedelta(days=int(days)), until, chosen))


def _numbers(evidence: Evidence) -> dict[str, Any]:
    found, waiting = evidence.answers, evidence.waiting
    return {
        "precision": figures.precision(evidence.concluded),
        "recall": figures.estimated_recall(evidence),
        "overturned": figures.overturned(evidence.concluded),
        "late": figures.breaches(evidence),
        "kappa": figures.agreement(found),
        "fleiss": figures.agreement_on_gold(found),
        "gold": figures.gold_accuracy(found),
        "swayed": figures.swayed(found),
        "changed": figures.changed_mind(found),
        "look_p50": figures.seconds_looked(found, 0.5),
        "look_p95": figures.seconds_looked(found, 0.95),
        "wait_p50": figures.hours_waited(found, 0.5),
        "wait_p95": figures.hours_waited(found, 0.95),
        "decided": len(figures.settled(found)),
        "open": waiting.open,
        "oldest": evidence.now - waiting.oldest if waiting.oldest else None,
        "late_now": waiting.late,
    }


def _day_chart(evidence: Evidence) -> dict[str, Any]:
    opened = answers.opened_by_day(evidence.period)
    decided = figures.count_by_day(answer.decided_at for answer in figures.settled(evidence.answers))
    days = figures.days_of(evidence.period.since, evidence.period.until)
    rows = [(day, opened.get(day, 0), decided.get(day, 0)) for day in days]
    top = charts.count_top(max([count for _, *counts in rows for count in counts], default=0))
    return {
        "rows": rows,
        "opened": sum(count for _, count, _ in rows),
        "bars": charts.bars([count for _, count, _ in rows], top),
        "line": charts.line([float(count) for *_, count in rows], 0.0, top, over_bars=True),
    }


def _quality_rows(evidence: Evidence) -> list[charts.Whisker]:
    found = evidence.answers
    swayed = figures.swayed(found)
    rows = [
        (gettext("Right on gold items"), figures.gold_accuracy(found)),
        *((gettext(ERRORS[kind]), estimate) for kind, estimate in figures.error_kinds(found).items()),
        (gettext("Turned right to wrong"), swayed["right to wrong"]),
        (gettext("Turned wrong to right"), swayed["wrong to right"]),
        (gettext("Overturned later"), figures.overturned(evidence.concluded)),
        (gettext("Precision of review"), figures.precision(evidence.concluded)),
        (gettext("Recall, estimated"), figures.estimated_recall(evidence)),
    ]
    return charts.whiskers(rows)


def _age_chart(evidence: Evidence) -> dict[str, Any]:
    counts = evidence.waiting.by_age
    rows = [(gettext(words), count) for words, count in zip(AGE_WORDS, counts, strict=True)]
    return {"rows": rows, "bars": charts.bars([float(count) for count in counts])}


def _kappa_chart(found: Sequence[Answer]) -> dict[str, Any]:
    weeks = figures.agreement_by_week(found)
    low, high = (charts.height_of(edge, 1.0) for edge in KAPPA_BAND)
    return {
        "rows": weeks,
        "line": charts.line([estimate.value for _, estimate in weeks], 0.0, 1.0),
        "band_y": high,
        "band_height": low - high,
    }


def _of(evidence: Evidence, user: User) -> Evidence:
    return replace(evidence, answers=tuple(answer for answer in evidence.answers if answer.person == user.pk))


def _team(found: Iterable[Answer]) -> list[tuple[User, Personal]]:
    """For who manages people: each person's numbers, by name."""
    numbers = figures.by_person(found)
    people = get_user_model().objects.in_bulk(numbers)
    rows = [(people[pk], theirs) for pk, theirs in numbers.items() if pk in people]
    return sorted(rows, key=lambda row: name_of(row[0]).lower())
