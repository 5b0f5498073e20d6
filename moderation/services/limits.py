"""What a platform may use: calls a minute by each key, items a day, bytes at once; and what it has used."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Case, Count, F, Q, Value, When
from django.db.models.functions import TruncDate
from django.utils import timezone

from moderation import tally
from moderation.conf import conf
from moderation.intake import Refused
from moderation.models import ApiKey, CallCount, ContentItem, DayCount, Platform
from moderation.models.ids import first_id
from moderation.services import audit
from moderation.vocabulary import Reason

MEGABYTE = 1_000_000
WINDOW = 60  # seconds, from the first call on
LARGEST = {"items_per_day": 2**31 - 1, "storage_bytes": 2**63 - 1, "calls_per_minute": 2**31 - 1}  # of the columns
SPELLED_OUT = 100  # refusals a window that are noted one by one; then by the hundred, so that a flood writes little


@dataclass(frozen=True, slots=True)
class Rate:
    """Of one key, this call counted. `left` is -1 where this call is one too many."""

    limit: int
    left: int
    resets_in: float

    @property
    def exceeded(self) -> bool:
        return self.left < 0


def count_call(key: ApiKey) -> Rate | None:
    """None where no limit is set. Of any number of calls at once exactly `limit` a window are not exceeded."""
    limit = call_limit(key.platform)
    if not limit:
        return None
    counted = tally.count(f"calls:{key.pk}", WINDOW)
    if counted is None:
        return _count_in_row(key, limit)
    number, resets_in = counted
    over = number - limit
    if over > 0 and (over <= SPELLED_OUT or over % SPELLED_OUT == 0):
        _note_limited(key.platform, 1 if over <= SPELLED_OUT else SPELLED_OUT)
    return Rate(limit, max(-1, -over), resets_in)


def _count_in_row(key: ApiKey, limit: int) -> Rate:
    """One conditional UPDATE begins the next window or counts within this one; no row changed: one too many."""
    now = timezone.now()
    ended = Q(ends_at__lte=now)
    rows = CallCount.objects.filter(key=key)
    # both columns from the row as it was: SQL evaluates the right-hand sides first
    step = {
        "calls": Case(When(ended, then=Value(1)), default=F("calls") + 1),
        "ends_at": Case(When(ended, then=Value(now + timedelta(seconds=WINDOW))), default=F("ends_at")),
    }
    passed = bool(rows.filter(ended | Q(calls__lt=limit)).update(**step))
    if not passed and not rows.exists():
        try:
            with transaction.atomic():
                CallCount.objects.create(key=key, calls=1, ends_at=now + timedelta(seconds=WINDOW))
            passed = True
        except IntegrityError:  # somebody else was first
            passed = bool(rows.filter(ended | Q(calls__lt=limit)).update(**step))
    if not passed:
        _note_limited(key.platform, 1)
    row = rows.get()
    return Rate(limit, max(0, limit - row.calls) if passed else -1, max(0.0, (row.ends_at - now).total_seconds()))


def _note_limited(platform: Platform, calls: int) -> None:
    row, _ = DayCount.objects.get_or_create(platform=platform, day=today())
    DayCount.objects.filter(pk=row.pk).update(limited=F("limited") + calls)


def check_quota(platform: Platform) -> None:
    """Before the file of a new item is stored; `take_item` counts it. Raises intake.Refused: `quota_exceeded`."""
    quota = platform.items_per_day
    if quota is not None and DayCount.objects.filter(platform=platform, day=today(), items__gte=quota).exists():
        raise _quota_exceeded(quota)


def take_item(platform: Platform) -> None:
    """In the transaction that makes an item: counts it, or raises intake.Refused. Without a quota there is no count."""
    quota = platform.items_per_day
    if quota is None:
        return
    row, _ = DayCount.objects.get_or_create(platform=platform, day=today())
    rows = DayCount.objects.filter(pk=row.pk)
    if row.items is None:  # the quota was set today
        rows.filter(items=None).update(items=items_today(platform))
    if not rows.filter(items__lt=quota).update(items=F("items") + 1):
        raise _quota_exceeded(quota)


def _quota_exceeded(quota: int) -> Refused:
    return Refused(Reason.QUOTA_EXCEEDED, f"the platform's quota of {quota} items a day is used up until midnight UTC")


@transaction.atomic
def set_limits(
    platform: Platform,
    *,
    items_per_day: int | None,
    storage_bytes: int | None,
    calls_per_minute: int | None,
    actor: str,
) -> None:
    """None: no quota; the ceiling and the rate that are set for all. Raises ValueError for what is negative."""
    given = {"items_per_day": items_per_day, "storage_bytes": storage_bytes, "calls_per_minute": calls_per_minute}
    if any(value is not None and not 0 <= value <= LARGEST[name] for name, value in given.items()):
        raise ValueError("limits are whole numbers from 0")
    Platform.objects.filter(pk=platform.pk).update(**given)
    DayCount.objects.filter(platform=platform, day=today()).update(items=None)  # counted anew from the items
    audit.note("platform.limits_set", actor, f"platform:{platform.pk}", **given)


def call_limit(platform: Platform) -> int:
    """Calls a minute by each key; 0: any number."""
    given = platform.calls_per_minute
    return conf().CALLS_PER_MINUTE if given is None else given


def storage_ceiling(platform: Platform) -> int:
    """Bytes; 0: none."""
    return conf().STORAGE_CEILING_BYTES if platform.storage_bytes is None else platform.storage_bytes


def items_today(platform: Platform) -> int:
    return ContentItem.objects.filter(platform=platform, pk__gte=first_id(midnight(today()))).count()


def limited_by_day(platform: Platform, since: date) -> dict[date, int]:
    days = DayCount.objects.filter(platform=platform, day__gte=since, limited__gt=0)
    return dict(days.values_list("day", "limited"))


def items_by_day(platform: Platform, since: date) -> dict[date, dict[str, int]]:
    """By the day (UTC) they came and by how they stand now; erased ones are counted too."""
    rows: Any = (
        ContentItem.objects.filter(platform=platform, pk__gte=first_id(midnight(since)))
        .annotate(day=TruncDate("created_at", tzinfo=UTC))
        .values_list("day", "status")
        .annotate(count=Count("pk"))
        .order_by("day", "status")
    )
    found: dict[date, dict[str, int]] = {}
    for day, status, count in rows:
        found.setdefault(day, {})[status] = count
    return found


def today() -> date:
    return datetime.now(UTC).date()


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def seconds_until_tomorrow() -> int:
    return int((midnight(today() + timedelta(days=1)) - datetime.now(UTC)).total_seconds()) + 1
