"""A month at a desk, written through the services, each step at its time: statistics and operations are drawn from it.

People, names and figures are invented.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from unittest.mock import patch

from django.contrib.auth.models import User
from django.utils import timezone
from PIL import Image, ImageOps

from deepfake_guard.detector.records import Derived
from moderation.models import Alert, ContentItem, Decision, Platform, Pulse, ReviewCase, WorkerStatus
from moderation.services import cases, decisions, leases, opinions, quality
from moderation.vocabulary import AlertKind, CasePurpose, DecisionValue, ItemStatus, Reason, Role
from tests.browser.scenes import astronaut, jpeg
from tests.factories import ACTOR, make_item, make_user, report, screen

DAYS = 28
SYNTHETIC, ALTERED, GENUINE = DecisionValue.SYNTHETIC, DecisionValue.ALTERED, DecisionValue.GENUINE
PEOPLE = (("sana", "Sana", "Qureshi", 0.97), ("ben", "Ben", "Ode", 0.85), ("lena", "Lena", "Marsh", 0.93))
STRANGE = (0, 0, 1, 3, 6, 12, 30, 55)  # of 700 genuine faces
OTHERWISE = {SYNTHETIC: ALTERED, ALTERED: GENUINE, GENUINE: SYNTHETIC}
SEEN = {SYNTHETIC: ["skin_texture", "eyes_gaze"], ALTERED: ["hair_edges"], GENUINE: []}


@dataclass(frozen=True)
class Moderator:
    user: User
    right: float  # how often, where the truth is known


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    with patch.object(timezone, "now", lambda: moment):
        yield


def lived(agora: Platform, senior: User) -> None:
    """28 days of decisions, known answers, second opinions and samples; pulses, alerts, a worker, a file set aside."""
    chance, today = random.Random(28), timezone.now().replace(minute=0, second=0, microsecond=0)
    people = [_moderator(*person) for person in PEOPLE]
    gold = [_gold(agora, senior, today - timedelta(days=DAYS - 1 - place), place) for place in range(9)]
    for day in range(DAYS - 1, 0, -1):
        morning = today - timedelta(days=day)
        for place in range(3 if morning.weekday() < 5 else 1):
            _ordinary(agora, people, chance, morning + timedelta(hours=2 * place, minutes=chance.randrange(50)))
        if day <= 18:  # by then all of them are known
            _checked(gold[day % 9], people, chance, morning + timedelta(hours=6), turn=day // 9)
        if day % 2:
            _sampled(agora, people, chance, morning + timedelta(hours=7), finds=day == 9)
    _operated(chance, agora)


def _moderator(username: str, first: str, last: str, right: float) -> Moderator:
    user, _ = make_user(Role.MODERATOR, username)
    User.objects.filter(pk=user.pk).update(first_name=first, last_name=last)
    return Moderator(user, right)


@cache
def _thumbnail(turn: int) -> bytes:
    close = Image.fromarray(astronaut()).crop((100 + 9 * turn, 0, 356, 256 - 9 * turn)).resize((160, 160))
    return jpeg(ImageOps.mirror(close) if turn % 2 else close)


def _came(agora: Platform, when: datetime, reached: int, turn: int) -> ContentItem:
    """An item as strange as so many of 700 genuine faces, with a thumbnail of a face, judged seconds later."""
    upload = _thumbnail(turn % 8) + random.Random(turn).randbytes(8)  # no two are equal
    small = Derived("thumbnail", None, "image/jpeg", 160, 160, _thumbnail(turn % 8))
    with at(when):
        item = make_item(agora, upload)
    with at(when + timedelta(seconds=1.5 + turn % 40 / 10)):
        return screen(item, replace(report(reached), derivatives=(small,)))


def _said(
    case: ReviewCase, user: User, value: DecisionValue, when: datetime, looked: int, first: DecisionValue | None = None
) -> Decision:
    with at(when):
        lease = leases.lease(case, user)
        assert lease is not None
        if first is not None:
            opinions.first(lease.case, user, lease.token, first)
    with at(when + timedelta(seconds=looked)):
        made = decisions.decide(lease.case, user, lease.token, value, reasons=SEEN[value])
    with at(when + timedelta(seconds=looked + 11)):
        assert decisions.settle(made.pk)
    return made


def _looked(chance: random.Random) -> int:
    return round(min(240, 12 + chance.expovariate(1 / 25)))


def _ordinary(agora: Platform, people: Sequence[Moderator], chance: random.Random, came: datetime) -> None:
    value = chance.choices((SYNTHETIC, ALTERED, GENUINE), (45, 20, 35))[0]
    case = ReviewCase.objects.get(item=_came(agora, came, chance.choice(STRANGE), chance.randrange(10**6)))
    blind = chance.random() < 0.25
    ReviewCase.objects.filter(pk=case.pk).update(blind_first=blind)
    first, second = chance.sample(people, 2)
    decided = came + timedelta(minutes=chance.randrange(4, 300))
    thought = chance.choices((value, GENUINE), (80, 20))[0] if blind else None
    made = _said(case, first.user, value, decided, _looked(chance), thought)
    if chance.random() < 0.4:
        again = decided + timedelta(minutes=40)
        with at(again):
            check = cases.open_check(case.item, CasePurpose.SECOND, [Reason.AT_REVIEW_LINE])
        assert check is not None
        same = chance.random() < 0.75
        _said(check, second.user, value if same else OTHERWISE[value], again + timedelta(minutes=9), _looked(chance))
    if chance.random() < 0.06:
        with at(decided + timedelta(hours=3)):
            decisions.reverse(case, second.user, made.pk, OTHERWISE[value], why="The original came in")


def _gold(agora: Platform, senior: User, when: datetime, place: int) -> ContentItem:
    item, truth = _came(agora, when, place % 7, place), (SYNTHETIC, ALTERED, GENUINE)[place % 3]
    _said(ReviewCase.objects.get(item=item), senior, truth, when + timedelta(hours=1), 35)
    quality.seal(item, truth, reasons=SEEN[truth], by=senior, actor=ACTOR)
    return item


def _checked(
    item: ContentItem, people: Sequence[Moderator], chance: random.Random, when: datetime, *, turn: int
) -> None:
    with at(when):
        check = cases.open_check(item, CasePurpose.GOLD, [Reason.AT_REVIEW_LINE])
    assert check is not None
    ReviewCase.objects.filter(pk=check.pk).update(blind_first=True)
    person, truth = people[turn % len(people)], DecisionValue(item.gold.truth)
    value = truth if chance.random() < person.right else (OTHERWISE[truth])
    first = truth if chance.random() < 0.8 else GENUINE
    _said(check, person.user, value, when + timedelta(minutes=chance.randrange(5, 90)), _looked(chance), first)


def _sampled(
    agora: Platform, people: Sequence[Moderator], chance: random.Random, when: datetime, *, finds: bool
) -> None:
    item = _came(agora, when, chance.randrange(200, 650), chance.randrange(10**6))
    with at(when + timedelta(minutes=5)):
        check = cases.open_check(item, CasePurpose.SAMPLE, [Reason.AT_REVIEW_LINE], drawn_share=0.2)
    assert check is not None
    value = SYNTHETIC if finds else GENUINE
    _said(check, chance.choice(people).user, value, when + timedelta(minutes=30), _looked(chance))


def _operated(chance: random.Random, agora: Platform) -> None:
    """Two weeks of traffic with a busy hour at the end, on whose last day more faces are unusual than before."""
    now = timezone.now()
    minute = now.replace(second=0, microsecond=0)
    times = [minute - timedelta(minutes=30 * step) for step in range(4, 14 * 48)]
    times += [minute - timedelta(minutes=step) for step in range(60)]
    Pulse.objects.bulk_create(_pulse(chance, each, minute) for each in times)
    for kind, subject, hours, lasted in (
        (AlertKind.SILENT_WORKER, "scan@two:1", 30, 1),
        (AlertKind.LATE_CASES, agora.name, 76, 2),
    ):
        since = now - timedelta(hours=hours)
        over = since + timedelta(hours=lasted)
        Alert.objects.create(kind=kind, subject=subject, since=since, told_at=since, tries=1, ended_at=over)
    here = WorkerStatus.objects.first()
    WorkerStatus.objects.all().delete()
    for name, device, silent in (("scan@one:1", "cuda:0", 4), ("scan@two:1", "cpu", 9)):
        seen = now - timedelta(seconds=silent)
        WorkerStatus.objects.create(
            name=name,
            queue="scan",
            device=device,
            detector=here.detector if here else None,
            warmed_at=now - timedelta(hours=29),
            seen_at=seen,
            progressed_at=seen,
        )
    aside = make_item(agora, external_id="clip-0412")
    ContentItem.objects.filter(pk=aside.pk).update(
        status=ItemStatus.QUARANTINED, reasons=[Reason.DECODER_KILLED], finished_at=now - timedelta(hours=2)
    )
    aside.scan.delete() if aside.scan else None


def _pulse(chance: random.Random, when: datetime, now: datetime) -> Pulse:
    busy = max(0.0, 1 - abs((now - when).total_seconds() / 60 - 25) / 15)  # 25 minutes ago
    faces = round(300 * (0.4 + 0.6 * (7 < when.hour < 22)) * chance.uniform(0.8, 1.2) * (1 + busy))
    share = 0.075 if when.date() == now.date() else chance.uniform(0.042, 0.058)
    waiting = round(chance.uniform(0, 6) + 420 * busy)
    return Pulse(
        minute=when,
        scans_waiting=waiting,
        oldest_seconds=round(chance.uniform(0, 4) + 50 * busy),
        faces=faces,
        unusual_faces=round(faces * share),
        deliveries_waiting=0,
    )
