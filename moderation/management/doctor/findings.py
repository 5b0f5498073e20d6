"""What a finding is, and the lines that start what is missing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from moderation import dispatch

OK, WARN, FAIL = "ok", "warn", "FAIL"
LATE_AFTER = timedelta(minutes=1)  # what waits this long waits for somebody who is not there
CELERY = "celery -A workers.celery_app"
WORKERS = {
    dispatch.SCAN_QUEUE: f"{CELERY} worker -Q scan,views -P prefork -c 1 -O fair",
    dispatch.VIEWS_QUEUE: f"{CELERY} worker -Q scan,views -P prefork -c 1 -O fair",
    dispatch.DELIVER_QUEUE: f"{CELERY} worker -Q deliver -P threads -c 16",
    dispatch.UPKEEP_QUEUE: f"{CELERY} worker -Q upkeep -P prefork -c 2",
}
FETCH_WORKER = f"{CELERY} worker -Q fetch -P threads -c 8"  # where URL_SUBMISSIONS is on
BEAT = f"start beat ({CELERY} beat; one of it, anywhere) and: {WORKERS[dispatch.UPKEEP_QUEUE]}"


@dataclass(frozen=True)
class Finding:
    """`state` is ok, warn (works, but look) or FAIL; `cure` is said for the latter two."""

    name: str
    state: str
    said: str
    cure: str = ""


def first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def some(things: list[str], most: int = 3) -> str:
    """The first few, and how many more there are."""
    more = f" and {len(things) - most} more" if len(things) > most else ""
    return "; ".join(things[:most]) + more
