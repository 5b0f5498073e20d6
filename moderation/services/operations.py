"""How the guard itself does: what waits, who is silent, what was set aside; and a pulse a minute to draw it from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Min, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext, ngettext

from moderation.models import (
    OPEN_DELIVERY,
    WORKER_SILENT,
    ContentItem,
    DetectedFace,
    MediaAsset,
    Pulse,
    ReviewCase,
    Scan,
    WebhookDelivery,
    at_work,
)
from moderation.models import WorkerStatus as Worker
from moderation.models.ids import first_id
from moderation.services import scanning
from moderation.vocabulary import AlertKind, CaseState, ItemStatus, ScanState

STUCK_AFTER = timedelta(minutes=3)
GONE_AFTER = timedelta(days=1)
PROMISE = timedelta(seconds=60)  # a scan should not wait longer
PULSES_KEPT = timedelta(days=30)
UNUSUAL = 0.05
ASIDE = (ItemStatus.QUARANTINED, ItemStatus.FAILED)
AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that needs somebody; `kind` is None for what is shown and not sent to anybody."""

    kind: AlertKind | None
    subject: str
    since: datetime
    what: str
    then: str


@dataclass(frozen=True, slots=True)
class Hand:
    """A worker and how it does: working, idle, stuck or silent."""

    worker: Worker
    state: str
    in_hand: int


def hands(now: datetime | None = None) -> list[Hand]:
    """Every worker heard of within a day, but for those that were stopped and said so."""
    now = now or timezone.now()
    holding = dict(
        Scan.objects.filter(state=ScanState.RUNNING)
        .values_list("worker")
        .annotate(Count("pk"))
        .values_list("worker", "pk__count")
    )
    heard = Worker.objects.filter(at_work(GONE_AFTER)).select_related("detector").order_by("name")
    return [
        Hand(worker, _state(worker, holding.get(worker.name, 0), now), holding.get(worker.name, 0)) for worker in heard
    ]


def _state(worker: Worker, in_hand: int, now: datetime) -> str:
    if worker.seen_at < now - WORKER_SILENT:
        return "silent"
    if worker.notes.get("fault") or (in_hand and (worker.progressed_at or worker.seen_at) < now - STUCK_AFTER):
        return "stuck"
    return "working" if in_hand else "idle"


def troubles(now: datetime | None = None, seen: Q | None = None) -> list[Trouble]:
    """The most urgent first; of cases those of the platforms that `seen` lets through."""
    now, seen = now or timezone.now(), seen or Q()
    found = [trouble for hand in hands(now) if (trouble := _of_hand(hand)) is not None]
    return [*found, *_locked(now, seen), *_late(now, seen), *_backlog(now)]


def _of_hand(hand: Hand) -> Trouble | None:
    worker = hand.worker
    if hand.state == "silent":
        what = gettext("%(worker)s is silent") % {"worker": worker.name}
        then = gettext("It holds no scan, and nothing is lost. See the log and restart it.")
        if hand.in_hand:
            then = ngettext(
                "Its %(n)s scan returns to the queue by itself, and nothing is lost. See the log and restart it.",
                "Its %(n)s scans return to the queue by themselves, and nothing is lost. See the log and restart it.",
                hand.in_hand,
            ) % {"n": hand.in_hand}
        return Trouble(AlertKind.SILENT_WORKER, worker.name, worker.seen_at, what, then)
    since = worker.progressed_at or worker.seen_at
    if fault := worker.notes.get("fault"):
        what = gettext("%(worker)s cannot screen") % {"worker": worker.name}
        then = gettext("Nothing is lost, and it goes on by itself once this is mended: %(fault)s") % {"fault": fault}
        return Trouble(None, worker.name, since, what, then)
    if hand.state == "stuck":
        then = ngettext(
            "Its %(n)s scan returns to the queue by itself when its lease ends. If it happens again, see the worker's "
            "log and restart it.",
            "Its %(n)s scans return to the queue by themselves when their lease ends. If it happens again, see the "
            "worker's log and restart it.",
            hand.in_hand,
        ) % {"n": hand.in_hand}
        what = gettext("%(worker)s makes no progress") % {"worker": worker.name}
        return Trouble(None, worker.name, since, what, then)
    return None


def _locked(now: datetime, seen: Q) -> list[Trouble]:
    """By platform: what waits for somebody who was given `handle_illegal`."""
    locked = ReviewCase.objects.filter(seen, state=CaseState.LOCKED)
    rows = locked.values_list("platform__name").annotate(Count("pk"), Min("item__asset__locked_at"))
    then = gettext("A person suspects illegal content. Who handles it finds it in the queue, under “Locked”.")
    found = []
    for name, count, oldest in rows.order_by("platform__name"):
        what = ngettext("%(n)s case of %(platform)s is locked", "%(n)s cases of %(platform)s are locked", count) % {
            "n": count,
            "platform": name,
        }
        found.append(Trouble(AlertKind.LOCKED_CASES, name, oldest or now, what, then))
    return found


def _late(now: datetime, seen: Q) -> list[Trouble]:
    """By platform: cases that should have been decided by now."""
    found = []
    for name, count, oldest in late_cases(now, seen):
        what = ngettext(
            "%(n)s case of %(platform)s should have been decided by now",
            "%(n)s cases of %(platform)s should have been decided by now",
            count,
        ) % {"n": count, "platform": name}
        found.append(Trouble(AlertKind.LATE_CASES, name, oldest, what, gettext("The queue shows them first.")))
    return found


def late_cases(now: datetime, seen: Q) -> QuerySet[ReviewCase, tuple[str, int, datetime]]:
    """By platform how many, and since when the oldest is. Only what is open waits for a decision."""
    late = ReviewCase.objects.filter(seen, state=CaseState.OPEN, due_at__lt=now)
    return late.values_list("platform__name").annotate(Count("pk"), Min("due_at")).order_by("platform__name")


def _backlog(now: datetime) -> list[Trouble]:
    waiting, oldest = scans_waiting(now)
    if oldest <= 5 * PROMISE:
        return []
    then = gettext("More scan workers shorten it. Uploads are taken in meanwhile, and nothing is lost.")
    what = gettext("%(n)s scans wait, the oldest for %(minutes)s min") % {
        "n": waiting,
        "minutes": int(oldest.total_seconds()) // 60,
    }
    return [Trouble(None, "scans", now - oldest, what, then)]


def scans_waiting(now: datetime) -> tuple[int, timedelta]:
    """How many are due, and since when the oldest waits."""
    due = Scan.objects.filter(state=ScanState.QUEUED, next_attempt_at__lte=now)
    oldest = due.order_by("pk").values_list("created_at", flat=True).first()
    return due.count(), now - oldest if oldest else timedelta(0)


def deliveries_waiting() -> int:
    return WebhookDelivery.objects.filter(OPEN_DELIVERY).count()


def set_aside(seen: Q) -> QuerySet[ContentItem]:
    """What could not be screened, newest first; its platform has been told. `seen`: of which platforms."""
    aside = ContentItem.objects.filter(seen, status__in=ASIDE, erased_at=None)
    return aside.select_related("platform", "asset", "scan").order_by("-finished_at")


def try_again(item_id: UUID, *, actor: str) -> bool:
    """Screens an item that was set aside once more; False when it is not set aside, or its file is gone."""
    asset = MediaAsset.objects.filter(items=item_id, items__status__in=ASIDE, items__erased_at=None).first()
    return asset is not None and scanning.rescan(asset, actor=actor) is not None


def try_all_again(seen: Q, *, actor: str) -> int:
    """Up to 200 at a time; returns how many scans are queued again."""
    assets = MediaAsset.objects.filter(items__in=set_aside(seen).order_by(), removed_at=None).distinct()
    return sum(scanning.rescan(asset, actor=actor) is not None for asset in list(assets.order_by("pk")[:AT_ONCE]))


@transaction.atomic
def beat(now: datetime | None = None) -> Pulse:
    """One row a minute, however often it is called; what is older than 30 days goes."""
    now = now or timezone.now()
    minute = now.replace(second=0, microsecond=0)
    waiting, oldest = scans_waiting(now)
    scored = DetectedFace.objects.filter(
        pk__gte=first_id(minute - timedelta(minutes=1)), pk__lt=first_id(minute), p_value__isnull=False
    ).aggregate(all=Count("pk"), unusual=Count("pk", filter=Q(p_value__lte=UNUSUAL)))
    pulse, _ = Pulse.objects.get_or_create(
        minute=minute,
        defaults={
            "scans_waiting": waiting,
            "oldest_seconds": int(oldest.total_seconds()),
            "faces": scored["all"],
            "unusual_faces": scored["unusual"],
            "deliveries_waiting": deliveries_waiting(),
        },
    )
    Pulse.objects.filter(minute__lt=minute - PULSES_KEPT).delete()
    return pulse
