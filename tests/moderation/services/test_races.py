"""Promises about two people or processes at once: real threads with their own connections, on a real database."""

from __future__ import annotations

import threading
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, TypeVar

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import connection
from django.utils import timezone

from moderation import intake
from moderation.models import ContentItem, Decision, Event, MediaAsset, ReviewCase, Scan
from moderation.services import decisions, leases, limits, retention, scanning, submission
from moderation.vocabulary import (
    CaseState,
    DecisionReason,
    DecisionState,
    DecisionValue,
    EventType,
    ItemStatus,
    Reason,
    ScanState,
)
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)
T = TypeVar("T")


def at_once(*calls: Callable[[], T]) -> list[T]:
    """Run all of them from one starting line, each in a thread; their results in order. Raises what one of them did."""
    line = threading.Barrier(len(calls))

    def run(call: Callable[[], T]) -> T:
        try:
            line.wait(10)
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result(60) for future in [pool.submit(run, call) for call in calls]]


def queue_scans(count: int) -> None:
    platform, now = factories.make_platform(), timezone.now()
    assets = MediaAsset.objects.bulk_create(
        MediaAsset(platform=platform, sha256=f"{at:064x}", size=1, media_type="image/png", storage_name=f"none/{at}")
        for at in range(count)
    )
    Scan.objects.bulk_create(Scan(asset=asset, next_attempt_at=now) for asset in assets)


def pending_decision() -> tuple[Decision, Any]:
    case = factories.make_case()
    user, _ = factories.make_user()
    lease = leases.lease(case, user)
    assert lease is not None
    decision = decisions.decide(case, user, lease.token, DecisionValue.SYNTHETIC, reasons=[next(iter(DecisionReason))])
    Decision.objects.filter(pk=decision.pk).update(settle_at=timezone.now() - timedelta(seconds=1))
    return decision, user


def test_eight_claimers_claim_two_hundred_rows_once_each() -> None:
    queue_scans(200)
    detector, calibration = factories.make_detector()

    def claim_all() -> list[uuid.UUID]:
        claimed: list[uuid.UUID] = []
        while batch := scanning.claim("racer", detector, calibration, 7):
            assert len({claim.token for claim in batch}) == 1
            claimed += [claim.scan_id for claim in batch]
        return claimed

    counts = Counter(scan_id for claimed in at_once(*[claim_all] * 8) for scan_id in claimed)
    # a claimer that met only locked rows leaves early; what it left is still there for the next ring
    counts.update(claim_all())
    assert len(counts) == 200
    assert set(counts.values()) == {1}
    assert set(Scan.objects.values_list("state", "attempts").distinct()) == {(ScanState.RUNNING, 1)}


def test_a_row_that_failed_before_is_claimed_alone_by_one_of_eight() -> None:
    queue_scans(9)
    first = Scan.objects.order_by("pk")[0]
    Scan.objects.filter(pk=first.pk).update(attempts=1)
    detector, calibration = factories.make_detector()
    batches = at_once(*[lambda: scanning.claim("racer", detector, calibration, 8)] * 8)
    holding = [batch for batch in batches if first.pk in {claim.scan_id for claim in batch}]
    assert [len(batch) for batch in holding] == [1]


def test_a_stale_lease_cannot_record() -> None:
    """The first worker comes back just as the second one records: only the one that holds the lease is heard."""
    item = factories.make_item()
    [stale] = factories.claim_one()
    Scan.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    scanning.sweep()
    [fresh] = factories.claim_one()
    recorded = at_once(
        lambda: scanning.record([(stale, factories.report(600))]),
        lambda: scanning.record([(fresh, factories.report(0))]),
    )
    assert recorded == [0, 1]
    [face] = factories.scan_of(item).faces.all()
    assert (face.reached, item.verdicts.count()) == (0, 1)


def test_the_same_result_recorded_by_four_at_once_counts_once() -> None:
    item = factories.make_item()
    [claim] = factories.claim_one()
    recorded = at_once(*[lambda: scanning.record([(claim, factories.report(0))])] * 4)
    assert sum(recorded) == 1
    assert (item.verdicts.count(), Event.objects.filter(type=EventType.ITEM_SCREENED).count()) == (1, 1)


@pytest.mark.parametrize("_", range(4))
def test_of_undo_and_settle_one_wins(_: int) -> None:
    decision, user = pending_decision()
    undone, settled = at_once(lambda: bool(decisions.undo(decision, user)), lambda: decisions.settle(decision.pk))
    assert undone is not settled
    decision.refresh_from_db()
    case = ReviewCase.objects.get(pk=decision.case_id)
    made = Event.objects.filter(item=case.item, type=EventType.DECISION_MADE).count()
    expected = (DecisionState.SETTLED, CaseState.CLOSED, 1) if settled else (DecisionState.UNDONE, CaseState.OPEN, 0)
    assert (decision.state, case.state, made) == expected


@pytest.mark.parametrize("_", range(4))
def test_of_settle_and_erasure_none_leaves_a_trace_of_the_content(_: int) -> None:
    decision, _user = pending_decision()
    item = decision.case.item
    at_once(lambda: decisions.settle(decision.pk), lambda: retention.erase(item, actor="system"))
    decision.refresh_from_db()
    assert decision.state in {DecisionState.SETTLED, DecisionState.VOID}
    payloads = Event.objects.filter(item=item).values_list("payload", flat=True)
    assert all(payload == {"data": {"item_id": str(item.pk), "erased": True}} for payload in payloads)


def test_a_decision_settles_once_however_many_sweep() -> None:
    decision, _ = pending_decision()
    assert sum(at_once(*[lambda: decisions.settle(decision.pk)] * 6)) == 1
    assert decision.case.item.verdicts.filter(current=True).count() == 1


def test_a_case_is_leased_by_one_of_many() -> None:
    case = factories.make_case()
    users = [factories.make_user()[0] for _ in range(6)]
    taken = at_once(*[lambda user=user: leases.lease(case, user) for user in users])
    assert sum(lease is not None for lease in taken) == 1


def test_equal_content_uploaded_by_six_at_once_is_stored_and_scanned_once() -> None:
    platform, content, before = factories.make_platform(), factories.picture(), stored_originals()

    def upload(name: str) -> ContentItem:
        return submission.submit(platform, ContentFile(content), external_id=name, actor="system").item

    items = at_once(*[lambda name=f"post-{at}": upload(name) for at in range(6)])
    [asset] = MediaAsset.objects.all()
    assert {item.asset_id for item in items} == {asset.pk}
    assert len({item.scan_id for item in items}) == Scan.objects.count() == 1
    assert len(stored_originals() - before) == 1, "the losers' files are gone"


def test_a_quota_of_three_lets_three_of_eight_at_once_pass() -> None:
    platform = factories.make_platform()
    limits.set_limits(platform, items_per_day=3, storage_bytes=None, calls_per_minute=None, actor="system")
    platform.refresh_from_db()

    def upload(name: str, content: bytes) -> bool:
        try:
            submission.submit(platform, ContentFile(content), external_id=name, actor="system")
        except intake.Refused as refused:
            return refused.reason != Reason.QUOTA_EXCEEDED
        return True

    pictures = [(f"post-{at}", factories.picture()) for at in range(8)]
    taken = at_once(*[lambda given=given: upload(*given) for given in pictures])
    assert (sum(taken), ContentItem.objects.count()) == (3, 3)


@pytest.mark.parametrize("_", range(4))
def test_equal_content_that_comes_while_a_result_is_recorded_gets_it(_: int) -> None:
    platform, content = factories.make_platform(), factories.picture()
    item = factories.make_item(platform, content)
    [claim] = factories.claim_one()

    def upload(name: str) -> ContentItem:
        return submission.submit(platform, ContentFile(content), external_id=name, actor="system").item

    later: Sequence[Any] = at_once(
        lambda: scanning.record([(claim, factories.report(0))]), lambda: upload("a"), lambda: upload("b")
    )[1:]
    for one in ContentItem.objects.filter(pk__in=[item.pk, *(other.pk for other in later)]):
        assert (one.status, one.verdicts.count()) == (ItemStatus.DONE, 1)
    assert Scan.objects.count() == 1


@pytest.mark.parametrize("_", range(4))
def test_an_item_erased_while_its_result_is_recorded_keeps_nothing(_: int) -> None:
    item = factories.make_item()
    [claim] = factories.claim_one()
    at_once(lambda: scanning.record([(claim, factories.report(0))]), lambda: retention.erase(item, actor="system"))
    item.refresh_from_db()
    assert item.erased_at is not None
    assert not MediaAsset.objects.exists()
    assert not Scan.objects.exists()
    assert all("external_id" not in str(event.payload) for event in Event.objects.filter(item=item))
    assert not ReviewCase.objects.exclude(state=CaseState.CLOSED).exists()


def stored_originals() -> set[str]:
    media = storages["media"]
    folders = media.listdir("originals")[0] if media.exists("originals") else []
    return {name for folder in folders for name in media.listdir(f"originals/{folder}")[1]}
