"""How the guard itself does. A banner only for what needs somebody, with what happens by itself."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop, ngettext
from django.views.decorators.http import require_POST, require_safe

from moderation import queue_queries
from moderation.authority import may
from moderation.console import charts
from moderation.console.access import MANAGE_PLATFORM, VIEW, DeskRequest, needs
from moderation.console.paging import around, asked_for
from moderation.models import Alert, Platform, Pulse, Verdict
from moderation.models.ids import first_id
from moderation.reach import sees
from moderation.services import operations as service
from moderation.services.quality.measures import quantile
from moderation.vocabulary import AlertKind, Basis

PERIODS = {
    "1h": (gettext_noop("1 hour"), timedelta(hours=1)),
    "24h": (gettext_noop("24 hours"), timedelta(hours=24)),
    "7d": (gettext_noop("7 days"), timedelta(days=7)),
}
POINTS = 60
NEWEST = ("-finished_at", "-id")
DRIFT_DAYS = 14
VERDICTS = 1000


@require_safe
@needs(VIEW)
def operations(request: DeskRequest) -> HttpResponse:
    now = timezone.now()
    chosen = request.GET.get("period", "1h")
    chosen = chosen if chosen in PERIODS else "1h"
    waiting, oldest = service.scans_waiting(now)
    hands, aside = service.hands(now), service.set_aside(sees(request.user, "platform"))
    page = asked_for(request, aside, NEWEST)
    context: dict[str, Any] = {
        "now": now,
        "period": chosen,
        "held": request.GET.get("hold") == "1",
        "periods": [(key, gettext(words)) for key, (words, _) in PERIODS.items()],
        "troubles": service.troubles(now, sees(request.user, "platform")),
        "waiting": waiting,
        "oldest": oldest,
        "promise": service.PROMISE,
        "verdict_seconds": _verdict_seconds(now),
        "aside_count": aside.count(),
        "aside": page.rows,
        **around(page, "#aside", period=chosen, hold="1"),
        "deliveries": service.deliveries_waiting(),
        "at_desk": queue_queries.at_the_desk(request.user),
        "hands": hands,
        "fine": sum(hand.state in ("working", "idle") for hand in hands),
        "charts": _charts(now - PERIODS[chosen][1]),
        "drift": _drift(now),
        "alerts": _alerts(request.user),
        "may_act": may(request.user, MANAGE_PLATFORM),
    }
    return render(request, "deepfake_guard/operations/operations.html", context)


@require_POST
@needs(MANAGE_PLATFORM)
def again(request: DeskRequest, item_id: uuid.UUID) -> HttpResponse:
    if service.try_again(item_id, actor=f"user:{request.user.pk}"):
        messages.info(request, gettext("It is queued again."))
    else:
        messages.warning(request, gettext("Not queued: it is not set aside any more, or its file is gone."))
    return redirect("guard:operations")


@require_POST
@needs(MANAGE_PLATFORM)
def all_again(request: DeskRequest) -> HttpResponse:
    count = service.try_all_again(sees(request.user, "platform"), actor=f"user:{request.user.pk}")
    messages.info(request, ngettext("%(n)s scan queued again.", "%(n)s scans queued again.", count) % {"n": count})
    return redirect("guard:operations")


def _alerts(user: User) -> list[Alert]:
    """The last ones: about workers, and about the person's platforms."""
    names = Platform.objects.filter(sees(user, "pk")).values("name")
    of_platforms = (AlertKind.LATE_CASES, AlertKind.LOCKED_CASES)
    about = Q(kind=AlertKind.SILENT_WORKER) | Q(kind__in=of_platforms, subject__in=names)
    return list(Alert.objects.filter(about).order_by("-since")[:8])


def _verdict_seconds(now: datetime) -> dict[str, Any]:
    """From upload to verdict, of the last thousand within a day."""
    recent = Verdict.objects.filter(pk__gte=first_id(now - timedelta(days=1)), basis=Basis.POLICY).order_by("-pk")
    times = recent.values_list("created_at", "item__created_at")[:VERDICTS]
    seconds = [(judged - came).total_seconds() for judged, came in times]
    return {"p50": quantile(seconds, 0.5), "p95": quantile(seconds, 0.95)}


def _charts(since: datetime) -> dict[str, Any]:
    """Of many minutes the worst (waiting) or the mean (faces a second) at each of at most sixty points."""
    pulses = list(
        Pulse.objects.filter(minute__gte=since)
        .order_by("minute")
        .values_list("minute", "oldest_seconds", "scans_waiting", "faces")
    )
    groups = [
        pulses[start : start + size]
        for size in [max(1, -(-len(pulses) // POINTS))]
        for start in range(0, len(pulses), size)
    ]
    rows = [
        (
            group[0][0],
            max(pulse[1] for pulse in group),
            max(pulse[2] for pulse in group),
            round(sum(pulse[3] for pulse in group) / len(group) / 60, 2),
        )
        for group in groups
    ]
    promise = service.PROMISE.total_seconds()
    oldest_top = charts.nice_top(max([promise * 1.25, *(row[1] for row in rows)]))
    return {
        "rows": rows,
        "oldest": charts.line([row[1] for row in rows], 0, oldest_top),
        "promise_y": charts.height_of(promise, oldest_top),
        "waiting": charts.line([row[2] for row in rows], 0, charts.count_top(max((row[2] for row in rows), default=0))),
        "faces": charts.line([row[3] for row in rows]),
    }


def _drift(now: datetime) -> dict[str, Any]:
    """Share of scored faces with p at most 0.05, by day, and where genuine traffic like the calibration would be."""
    since = now - timedelta(days=DRIFT_DAYS)
    days: dict[Any, list[int]] = {}
    for minute, faces, unusual in Pulse.objects.filter(minute__gte=since).values_list(
        "minute", "faces", "unusual_faces"
    ):
        day = days.setdefault(timezone.localdate(minute), [0, 0])
        day[0] += faces
        day[1] += unusual
    rows = [(day, unusual / faces, faces) for day, (faces, unusual) in sorted(days.items()) if faces]
    return _drift_chart(rows)


def _drift_chart(rows: Sequence[tuple[Any, float, int]]) -> dict[str, Any]:
    if not rows:
        return {"rows": rows}
    typical = sorted(faces for _, _, faces in rows)[len(rows) // 2]
    spread = 1.96 * (service.UNUSUAL * (1 - service.UNUSUAL) / typical) ** 0.5
    low, high = max(0.0, service.UNUSUAL - spread), service.UNUSUAL + spread
    top = charts.nice_top(100 * max([high * 1.2, *(share for _, share, _ in rows)]))
    edge, floor = charts.height_of(100 * high, top), charts.height_of(100 * low, top)
    last = rows[-1]
    outside = last[1] > service.UNUSUAL + 1.96 * (service.UNUSUAL * (1 - service.UNUSUAL) / last[2]) ** 0.5
    return {
        "rows": rows,
        "line": charts.line([100 * share for _, share, _ in rows], 0, top),
        "band_y": edge,
        "band_height": floor - edge,
        "outside": outside,
        "last": last,
    }
