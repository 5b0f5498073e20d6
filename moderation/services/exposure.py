"""What one person has looked at, for that person: the shift's counter, the reminder to pause, the daily cap.

No page, report or export shows it to anybody else. Rows go after a week.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.utils import timezone

from moderation import spacing, urgency
from moderation.models import Exposure, ReviewCase
from moderation.services import preferences
from moderation.vocabulary import Severity

PAUSE = timedelta(minutes=10)  # this long without a new picture is a break
SHIFT_ENDS = timedelta(hours=4)
KEPT = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Shift:
    """`shown`: pictures since the shift began; `unbroken`: how long the person has gone on without a pause."""

    shown: int
    began: datetime | None
    unbroken: timedelta


def shown(case: ReviewCase, user: User) -> None:
    """The picture is on the person's screen now; the same case again counts once."""
    Exposure.objects.get_or_create(user=user, case=case, defaults={"shown_at": timezone.now()})


def shift_of(user: User) -> Shift:
    now = timezone.now()
    recent = Exposure.objects.filter(user=user, shown_at__gt=now - timedelta(days=1))
    return shift(list(recent.order_by("shown_at").values_list("shown_at", flat=True)), now)


def shift(times: Sequence[datetime], now: datetime) -> Shift:
    """From ascending moments: the run that no gap of four hours has ended, and its part since the last pause."""
    run: list[datetime] = []
    unbroken_since: datetime | None = None
    for moment in times:
        if run and moment - run[-1] >= SHIFT_ENDS:
            run = []
        if not run or moment - run[-1] >= PAUSE:
            unbroken_since = moment
        run.append(moment)
    if not run or unbroken_since is None or now - run[-1] >= SHIFT_ENDS:
        return Shift(0, None, timedelta())
    paused = now - run[-1] >= PAUSE
    return Shift(len(run), run[0], timedelta() if paused else now - unbroken_since)


def pause_is_due(user: User, so_far: Shift) -> bool:
    minutes = preferences.of(user).break_minutes
    return bool(minutes) and so_far.unbroken >= timedelta(minutes=minutes)


def left_today(user: User) -> int | None:
    """How many more cases the person may see today, in the project's time zone; None without a cap."""
    cap = preferences.of(user).daily_cap
    if not cap:
        return None
    midnight = timezone.localtime(timezone=timezone.get_default_timezone()).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    return max(0, cap - Exposure.objects.filter(user=user, shown_at__gte=midnight).count())


def is_grave(reasons: Collection[str]) -> bool:
    return urgency.severity_of(reasons) is Severity.HIGH


def grave_lately(user: User) -> list[bool]:
    """Whether the cases that the person saw last were grave, newest first."""
    last = Exposure.objects.filter(user=user).order_by("-shown_at").values_list("case__reasons", flat=True)
    return [is_grave(reasons) for reasons in last[: spacing.IN_A_ROW]]


def cap_is_reached(user: User) -> bool:
    """Whether the person has seen as many cases today as the cap allows."""
    return left_today(user) == 0


def forget() -> int:
    """Deletes what is older than a week; returns how many."""
    return Exposure.objects.filter(shown_at__lt=timezone.now() - KEPT).delete()[0]
