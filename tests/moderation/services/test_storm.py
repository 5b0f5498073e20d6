"""Everything at once for a few seconds: uploads, failing workers, erasures, rescans, people. Nothing is lost."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.db import connection
from django.utils import timezone

from moderation.models import ContentItem, Decision, Event, MediaAsset, Platform, Scan
from moderation.services import audit, decisions, leases, retention, scanning, submission, webhooks
from moderation.vocabulary import (
    LIVE_SCAN_STATES,
    TERMINAL_ITEM_STATUSES,
    DecisionReason,
    DecisionValue,
    Reason,
    ScanState,
)
from tests import factories

SECONDS, THREADS = 4.0, 6


class Storm:
    """Each method is one thing that somebody does; which, and how it ends, is drawn."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.contents = [factories.picture() for _ in range(5)]
        self.detector, self.calibration = factories.make_detector()
        self.people = [factories.make_user()[0] for _ in range(3)]

    def upload(self, drawn: random.Random) -> None:
        content, name = ContentFile(drawn.choice(self.contents)), f"post-{drawn.randrange(20)}"
        submission.submit(self.platform, content, external_id=name, actor="system")

    def work(self, drawn: random.Random) -> None:
        claims = scanning.claim("worker", self.detector, self.calibration, drawn.randrange(1, 5))
        fate = drawn.random()
        if fate < 0.6:
            scanning.record([(claim, factories.report(drawn.randrange(700))) for claim in claims])
        elif fate < 0.8:
            scanning.give_back(claims)
        elif fate < 0.95:
            for claim in claims:
                scanning.record_failure(claim, Reason.DECODER_KILLED, "gone")

    def erase(self, _: random.Random) -> None:
        if item := ContentItem.objects.filter(erased_at=None).order_by("?").first():
            retention.erase(item, actor="system")

    def rescan(self, _: random.Random) -> None:
        try:
            scanning.rescan(MediaAsset.objects.order_by("?")[0], actor="system")
        except (IndexError, MediaAsset.DoesNotExist):  # there is none, or it was erased meanwhile
            return

    def sweep(self, _: random.Random) -> None:
        for scan in Scan.objects.filter(state__in=LIVE_SCAN_STATES):  # one by one: a clock that runs on locks nothing
            Scan.objects.filter(pk=scan.pk, state=ScanState.QUEUED).update(next_attempt_at=timezone.now())
            late = timezone.now() - timedelta(seconds=1)
            Scan.objects.filter(pk=scan.pk, state=ScanState.RUNNING).update(lease_until=late)
        scanning.sweep()

    def decide(self, drawn: random.Random) -> None:
        person = drawn.choice(self.people)
        lease = leases.lease_next(person)
        if lease is None:
            return
        value, reasons = drawn.choice(list(DecisionValue)), [next(iter(DecisionReason))]
        try:
            decision = decisions.decide(lease.case, person, lease.token, value, reasons=reasons)
        except decisions.LeaseLost:
            return
        Decision.objects.filter(pk=decision.pk).update(settle_at=timezone.now())
        if drawn.random() < 0.4:
            decisions.undo(decision, person)

    def upkeep(self, _: random.Random) -> None:
        decisions.settle_due()
        webhooks.number_events()
        audit.link()


@pytest.mark.django_db(transaction=True)
def test_whatever_happens_at_once_every_item_ends_with_one_verdict_in_force() -> None:
    storm = Storm(factories.make_platform(review_at=0.5))
    deeds: list[Callable[[random.Random], None]] = [
        storm.upload, storm.upload, storm.work, storm.work, storm.decide, storm.decide,
        storm.erase, storm.rescan, storm.sweep, storm.upkeep,
    ]  # fmt: skip
    until = time.monotonic() + SECONDS

    def live(seed: int) -> int:
        drawn, done = random.Random(seed), 0
        try:
            while time.monotonic() < until:
                drawn.choice(deeds)(drawn)
                done += 1
        finally:
            connection.close()
        return done

    with ThreadPoolExecutor(THREADS) as pool:
        assert sum(pool.map(live, range(THREADS))) > THREADS, "and none raised: no deadlock, no broken constraint"
    calm(storm)
    assert_nothing_is_lost()


def calm(storm: Storm) -> None:
    """The worker that comes afterwards."""
    storm.sweep(random.Random(0))
    while claims := scanning.claim("worker", storm.detector, storm.calibration, 8):
        scanning.record([(claim, factories.report(3)) for claim in claims])


def assert_nothing_is_lost() -> None:
    kept = ContentItem.objects.filter(erased_at=None)
    assert kept.exists()
    assert not kept.exclude(status__in=TERMINAL_ITEM_STATUSES).exists()
    assert [item.pk for item in kept if item.verdicts.filter(current=True).count() != 1] == []
    erased = Event.objects.filter(item__erased_at__isnull=False).values_list("payload", flat=True)
    assert [payload for payload in erased if not payload["data"].get("erased")] == []
    while webhooks.number_events() or audit.link():
        pass
    numbers = list(Event.objects.order_by("number").values_list("number", flat=True))
    assert numbers == list(range(1, len(numbers) + 1))
    assert audit.verify().broken_at is None
