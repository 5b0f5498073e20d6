"""Six moderators and three hundred cases, with stalls, crashes and late posts: each case is decided once."""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from moderation.models import ContentItem, Decision, Event, ReviewCase
from moderation.services import cases, decisions, leases
from moderation.vocabulary import CaseState, DecisionReason, DecisionState, DecisionValue, EventType, ItemStatus
from tests import factories

CASES, MODERATORS = 300, 6
VALUES = (DecisionValue.SYNTHETIC, DecisionValue.ALTERED, DecisionValue.GENUINE)


class Screens:
    """What stands on whose screen under a hold that has not run out."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.shown: dict[int, uuid.UUID] = {}
        self.twice: list[int] = []

    def show(self, lease: leases.Lease) -> None:
        with self.lock:
            if lease.case.pk in self.shown:
                self.twice.append(lease.case.pk)
            self.shown[lease.case.pk] = lease.token

    def clear(self, lease: leases.Lease) -> None:
        with self.lock:
            if self.shown.get(lease.case.pk) == lease.token:
                del self.shown[lease.case.pk]


def make_cases(count: int) -> None:
    platforms = [factories.make_platform() for _ in range(3)]
    items = ContentItem.objects.bulk_create(
        ContentItem(platform=platforms[at % 3], external_id=f"post-{at}", status=ItemStatus.DONE) for at in range(count)
    )
    for item in items:
        cases.open_case(item, ["at_review_line"])


class Moderator:
    def __init__(self, user: User, screens: Screens, seed: int) -> None:
        self.user, self.screens, self.drawn = user, screens, random.Random(seed)
        self.counts: Counter[str] = Counter()

    def work(self) -> Counter[str]:
        try:
            while True:
                lease = leases.lease_next(self.user)
                if lease is not None:
                    self.see(lease)
                elif not ReviewCase.objects.exclude(state=CaseState.CLOSED).exists():
                    return self.counts
                else:
                    decisions.settle_due()
                    time.sleep(0.01)
        finally:
            connection.close()

    def see(self, lease: leases.Lease) -> None:
        self.screens.show(lease)
        leases.show(lease.case, self.user)
        fate = self.drawn.random()
        if fate < 0.1:
            self.vanish(lease)
        elif fate < 0.2:
            self.stall(lease)
        else:
            self.decide(lease, take_back=fate < 0.25)

    def run_out(self, lease: leases.Lease) -> None:
        """As if the time had passed: nothing is on this screen any more under a hold that counts."""
        self.screens.clear(lease)
        ReviewCase.objects.filter(holder=self.user, state=CaseState.OPEN).update(
            lease_until=timezone.now() - timedelta(seconds=1)
        )

    def vanish(self, lease: leases.Lease) -> None:
        self.run_out(lease)
        self.counts["crashed"] += 1

    def stall(self, lease: leases.Lease) -> None:
        """Comes back when the hold has run out and posts: recorded only if nobody else has had the case since."""
        self.run_out(lease)
        time.sleep(self.drawn.random() * 0.02)
        try:
            self.post(lease)
            self.counts["late, still first"] += 1
        except decisions.LeaseLost:
            self.counts["late, refused"] += 1

    def decide(self, lease: leases.Lease, *, take_back: bool) -> None:
        time.sleep(self.drawn.random() * 0.005)
        self.screens.clear(lease)
        decision = self.post(lease)  # raises where a hold that counts was not enough
        if take_back and (again := decisions.undo(decision, self.user)) is not None:
            self.counts["undone"] += 1
            leases.release(again.case, again.token)
        if self.drawn.random() < 0.5:
            decisions.settle(decision.pk)

    def post(self, lease: leases.Lease) -> Decision:
        reasons = [next(iter(DecisionReason))]
        return decisions.decide(lease.case, self.user, lease.token, self.drawn.choice(VALUES), reasons=reasons)


@pytest.mark.django_db(transaction=True)
def test_each_of_three_hundred_cases_is_decided_once_and_shown_to_one_at_a_time(settings: LazySettings) -> None:
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "UNDO_SECONDS": 0}
    make_cases(CASES)
    screens = Screens()
    people = [Moderator(factories.make_user()[0], screens, seed) for seed in range(MODERATORS)]
    with ThreadPoolExecutor(MODERATORS) as pool:
        counts = sum(pool.map(Moderator.work, people), Counter[str]())
    assert screens.twice == []
    settled = Counter(Decision.objects.filter(state=DecisionState.SETTLED).values_list("case", flat=True))
    assert (len(settled), set(settled.values())) == (CASES, {1})
    assert set(ReviewCase.objects.values_list("state", flat=True)) == {CaseState.CLOSED}
    assert Event.objects.filter(type=EventType.DECISION_MADE).count() == CASES
    assert ContentItem.objects.filter(verdicts__current=True).count() == CASES
    assert min(counts["crashed"], counts["late, refused"] + counts["late, still first"], counts["undone"]) > 0, counts
    print(f"{CASES} cases decided once: {dict(counts)}")  # noqa: T201  the counts that a reader asks for
