"""What keeps work moving: a consumer on every queue, the clocks, beat, upkeep, and what waits to be screened."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import RedisError

from moderation import dispatch
from moderation.conf import conf
from moderation.management.doctor.findings import BEAT, FAIL, FETCH_WORKER, LATE_AFTER, OK, WARN, WORKERS, Finding
from moderation.models import AuditEntry, Pulse, WebhookEndpoint, WorkerStatus
from moderation.services import operations

DRIFT = timedelta(seconds=5)
PULSE_AFTER = timedelta(minutes=3)  # one a minute
ASK_THE_TIME = {
    "postgresql": "SELECT STATEMENT_TIMESTAMP()",
    "sqlite": "SELECT STRFTIME('%Y-%m-%dT%H:%M:%f+00:00', 'now')",
}


def queues(database_answers: bool) -> Iterator[Finding]:
    """Asks the running workers which queues they consume; they have a second to answer."""
    answers: list[dict[str, list[dict[str, str]]]] = []
    try:
        if dispatch.broker_answers():  # `inspect()` would drop one of two workers that share a name
            answers = dispatch.app.control.broadcast("active_queues", reply=True, timeout=1.0) or []
    except (BrokerError, RedisError, OSError):
        answers = []
    consumed = {queue["name"] for answer in answers for queues_of_one in answer.values() for queue in queues_of_one}
    wanted = WORKERS | ({dispatch.FETCH_QUEUE: FETCH_WORKER} if conf().URL_SUBMISSIONS else {})
    for queue, command in wanted.items():
        if queue in consumed:
            yield Finding(f"queue {queue}", OK, "is consumed")
        elif queue == dispatch.DELIVER_QUEUE and database_answers and not _has_endpoints():
            said = "nobody consumes it; no webhook endpoint needs it yet"
            yield Finding(f"queue {queue}", WARN, said, f"before the first endpoint: {command}")
        else:
            yield Finding(f"queue {queue}", FAIL, "nobody consumes it", f"start a worker: {command}")


def _has_endpoints() -> bool:
    return WebhookEndpoint.objects.filter(active=True).exists()


def clock() -> Finding:
    """Leases, due times and the time in a webhook's signature are judged by whichever machine looks at them."""
    with connection.cursor() as cursor:
        before = timezone.now()
        cursor.execute(ASK_THE_TIME[connection.vendor])
        theirs = datetime.fromisoformat(str(cursor.fetchone()[0]))
        ours = before + (timezone.now() - before) / 2
    ahead = WorkerStatus.objects.filter(seen_at__gt=timezone.now() + DRIFT).order_by("name").first()
    apart = abs(theirs - ours)
    cure = "let NTP set the clocks of every machine: leases and the signatures of webhooks hang on them"
    if apart > DRIFT:
        return Finding("clock", FAIL, f"the database's is {apart.total_seconds():.0f} s off ours", cure)
    if ahead is not None:
        return Finding("clock", FAIL, f"that of {ahead.name} is ahead of ours", cure)
    return Finding("clock", OK, f"the database's is {apart.total_seconds():.1f} s off ours")


def beat() -> Finding:
    last = Pulse.objects.order_by("-minute").values_list("minute", flat=True).first()
    if last is None:
        return Finding("beat", WARN, "has not rung yet (it does within a minute of the first start)", BEAT)
    if last < timezone.now() - PULSE_AFTER:
        return Finding("beat", FAIL, f"has not rung since {last:%Y-%m-%d %H:%M} UTC", BEAT)
    return Finding("beat", OK, "rings")


def upkeep() -> Finding:
    """The clock rings every two seconds; what waits for a minute waits for a clock that is not there."""
    waiting = AuditEntry.objects.filter(number=None, created_at__lt=timezone.now() - LATE_AFTER).count()
    if waiting:
        said = f"chain_behind: {waiting} audit entries wait for more than a minute"
        return Finding("upkeep", FAIL, said, BEAT)
    return Finding("upkeep", OK, "keeps up")


def scans() -> Finding:
    waiting, oldest = operations.scans_waiting(timezone.now())
    stuck = [hand.worker.name for hand in operations.hands() if hand.state == "stuck"]
    if stuck:
        cure = "its scans return to the queue by themselves; if it happens again, see its log and restart it"
        return Finding("scans", WARN, f"{', '.join(stuck)} makes no progress", cure)
    if oldest > operations.PROMISE:
        said = f"{waiting} wait, the oldest for {oldest.total_seconds():.0f} s"
        return Finding("scans", WARN, said, f"more scan workers: {WORKERS[dispatch.SCAN_QUEUE]}")
    return Finding("scans", OK, f"{waiting} wait")
