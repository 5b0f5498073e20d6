"""The queue of record: order, sweeping, odd results, rescans, and days without a detector."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest
import redis
from django.core.files.storage import storages
from django.utils import timezone

from moderation import dispatch
from moderation.models import ContentItem, Derivative, Event, Scan, WorkerStatus
from moderation.services import scanning
from moderation.vocabulary import EventType, ItemStatus, Priority, Reason, ScanState
from tests import factories

pytestmark = pytest.mark.django_db
DAY = timedelta(hours=24)


def age(days: int = 2) -> None:
    Scan.objects.update(created_at=timezone.now() - days * DAY, next_attempt_at=timezone.now() - days * DAY)


def test_it_claims_by_priority_then_by_age() -> None:
    platform = factories.make_platform()
    order = (Priority.BACKFILL, Priority.NORMAL, Priority.INTERACTIVE, Priority.NORMAL)
    late, second, first, third = (factories.make_item(platform, priority=priority) for priority in order)
    claimed = [claim.scan_id for claim in factories.claim_one(8)]
    assert claimed == [first.scan_id, second.scan_id, third.scan_id, late.scan_id]


def test_it_claims_no_more_than_asked_and_says_so_on_the_items() -> None:
    items = [factories.make_item() for _ in range(3)]
    assert len(factories.claim_one(2)) == 2
    statuses = [ContentItem.objects.get(pk=item.pk).status for item in items]
    assert statuses == [ItemStatus.RUNNING, ItemStatus.RUNNING, ItemStatus.QUEUED]


def test_a_failed_attempt_waits_before_the_next() -> None:
    item = factories.make_item()
    [claim] = factories.claim_one()
    scanning.record_failure(claim, Reason.DECODER_KILLED, "gone")
    item.refresh_from_db()
    scan = factories.scan_of(item)
    assert (item.status, scan.state, scan.attempts) == (ItemStatus.QUEUED, ScanState.QUEUED, 1)
    assert scan.next_attempt_at > timezone.now()
    assert factories.claim_one() == []


def test_a_lost_file_is_our_fault_and_ends_at_once_without_a_verdict() -> None:
    item = factories.make_item()
    [claim] = factories.claim_one()
    scanning.record_failure(claim, Reason.STORAGE_LOST, "no such file")
    item.refresh_from_db()
    assert (item.status, item.reasons) == (ItemStatus.FAILED, ["storage_lost"])
    assert not item.verdicts.exists()
    assert Event.objects.get(item=item).type == EventType.ITEM_FAILED


def test_a_result_the_database_refuses_harms_no_neighbour() -> None:
    bad, good = factories.make_item(), factories.make_item()
    first, second = factories.claim_one(2)
    sound = factories.report(0)
    strange = dataclasses.replace(sound, timings={"decode": float("nan")}, reasons=("x",))
    [face] = sound.faces
    assert face.result is not None
    unreadable = dataclasses.replace(face, result=dataclasses.replace(face.result, layers=(float("inf"),)))
    recorded = scanning.record([(first, dataclasses.replace(strange, faces=(unreadable,))), (second, sound)])
    assert recorded == 1
    good.refresh_from_db()
    bad.refresh_from_db()
    assert (good.status, bad.status) == (ItemStatus.DONE, ItemStatus.QUEUED)
    assert "refused by the database" in factories.scan_of(bad).error


def test_the_files_of_a_result_that_came_too_late_are_deleted() -> None:
    factories.make_item()
    [claim] = factories.claim_one()
    scanning.give_back([claim])
    before = stored_derivatives()
    assert scanning.record([(claim, factories.report(0))]) == 0
    assert stored_derivatives() == before
    assert not Derivative.objects.filter(scan_id=claim.scan_id).exists()


def stored_derivatives() -> int:
    media = storages["media"]
    folders = media.listdir("derived")[0] if media.exists("derived") else []
    return sum(len(media.listdir(f"derived/{folder}")[1]) for folder in folders)


def test_a_worker_that_died_three_times_over_a_file_leaves_it_to_a_person() -> None:
    item = factories.make_item()
    for attempt in range(1, 4):
        [claim] = factories.claim_one()
        assert claim.attempts == attempt
        Scan.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        scanning.sweep()
    item.refresh_from_db()
    assert (item.status, item.reasons) == (ItemStatus.QUARANTINED, ["attempts_spent"])
    assert item.cases.count() == 1


def test_a_live_lease_is_left_alone() -> None:
    factories.make_item()
    [claim] = factories.claim_one()
    scanning.sweep()
    assert Scan.objects.get(pk=claim.scan_id).lease_token == claim.token


@pytest.mark.django_db(transaction=True)
def test_the_sweeper_adds_no_rings_to_a_queue_that_nobody_takes_from(broker: redis.Redis) -> None:
    for _ in range(3):
        factories.make_item()
    assert dispatch.depth(dispatch.SCAN_QUEUE) == 3
    for _ in range(100):
        scanning.sweep()
    assert dispatch.depth(dispatch.SCAN_QUEUE) == 200


def test_a_rescan_gives_every_item_of_the_file_a_new_verdict() -> None:
    platform, content = factories.make_platform(), factories.picture()
    items = [factories.make_item(platform, content) for _ in range(2)]
    factories.screen(items[0], factories.report(350))
    asset = items[0].asset
    assert asset is not None
    again = scanning.rescan(asset, actor="system")
    assert again is not None
    assert again.run == 2
    assert scanning.rescan(asset, actor="system") is None, "one is live already"
    for item in items:
        item.refresh_from_db()
        assert (item.status, item.scan_id) == (ItemStatus.QUEUED, again.pk)
    factories.screen(items[0], factories.report(0))
    for item in items:
        assert list(item.verdicts.order_by("pk").values_list("outcome", "current")) == [
            ("allow", False),
            ("review", True),
        ]


def test_a_day_without_a_detector_is_told_by_name_and_healed_by_the_next_one() -> None:
    item = factories.make_item()
    assert scanning.fail_without_detector() == 0, "it has not waited for a day"
    age()
    assert scanning.fail_without_detector() == 1
    item.refresh_from_db()
    assert (item.status, item.reasons) == (ItemStatus.FAILED, ["no_detector"])
    assert scanning.requeue_without_detector() == 1
    assert scanning.requeue_without_detector() == 0
    factories.screen(item, factories.report(350))
    assert (item.status, item.reasons) == (ItemStatus.DONE, [])
    assert item.verdicts.count() == 1


def test_a_backlog_behind_a_living_worker_does_not_fail() -> None:
    factories.make_item()
    age()
    now = timezone.now()
    WorkerStatus.objects.create(name="scan@here:1", queue="scan", warmed_at=now - 3 * DAY, seen_at=now)
    assert scanning.fail_without_detector() == 0


def test_what_failed_without_a_detector_joins_a_later_upload_of_the_same_content() -> None:
    platform, content = factories.make_platform(), factories.picture()
    early = factories.make_item(platform, content)
    age()
    scanning.fail_without_detector()
    late = factories.make_item(platform, content)
    assert late.scan_id != early.scan_id
    scanning.requeue_without_detector()
    factories.screen(late, factories.report(350))
    for item in (early, late):
        item.refresh_from_db()
        assert (item.status, item.verdicts.count()) == (ItemStatus.DONE, 1)
