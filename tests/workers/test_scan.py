"""Whose fault it was: what a batch that fails costs, and whom."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from django.db import OperationalError
from django.utils import timezone

from deepfake_guard.detector.decoder import DecoderKilled
from deepfake_guard.detector.records import MediaReport
from moderation.media_store import StorageFault
from moderation.models import ContentItem, Scan
from moderation.services import scanning
from moderation.vocabulary import ItemStatus, ScanState
from tests import factories
from workers import detector_host, scan
from workers.detector_host import Host

pytestmark = pytest.mark.django_db
Outcomes = Iterable[MediaReport | Exception]


@dataclass
class Scripted:
    """Stands where the Detector stands; everything around it is the real thing."""

    outcomes: Callable[[Sequence[Path]], Outcomes]

    def examine_many(self, paths: Iterable[Path]) -> Iterator[MediaReport | Exception]:
        yield from self.outcomes(list(paths))

    def close(self) -> None:
        pass


def host(outcomes: Callable[[Sequence[Path]], Outcomes]) -> Host:
    detector, calibration = factories.make_detector()
    return Host("scan@here:1", cast(Any, Scripted(outcomes)), detector, calibration)


def queue(count: int = 3) -> list[ContentItem]:
    return [factories.make_item() for _ in range(count)]


def states(items: Sequence[ContentItem]) -> list[tuple[str, int]]:
    return [Scan.objects.values_list("state", "attempts").get(items=item) for item in items]


def raising(error: BaseException) -> Callable[[Sequence[Path]], Outcomes]:
    def examine(_: Sequence[Path]) -> Outcomes:
        raise error

    return examine


@pytest.fixture
def a_fresh_detector(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """What loading the detector anew comes to."""

    def use(error: Exception | None = None) -> None:
        def load() -> Host:
            if error is not None:
                raise error
            return host(lambda paths: [factories.report(350) for _ in paths])

        monkeypatch.setattr(detector_host, "_load", load)
        monkeypatch.setattr(detector_host, "_host", None)

    return use


@pytest.fixture(autouse=True)
def not_stopping(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    stopping = threading.Event()
    monkeypatch.setattr(scan, "stopping", stopping)
    return stopping


def test_one_ring_screens_a_whole_batch(a_fresh_detector: Callable[..., None]) -> None:
    items = queue()
    a_fresh_detector()
    scan.scan("the id does not matter")
    assert states(items) == [(ScanState.DONE, 1)] * 3
    scan.scan("again")
    assert [item.verdicts.count() for item in items] == [1, 1, 1]


def test_a_file_that_kills_the_decoder_spends_its_own_attempt_alone() -> None:
    items = queue()
    outcomes: list[MediaReport | Exception] = [factories.report(350), DecoderKilled("gone"), factories.report(350)]
    scan.examine(host(lambda _: outcomes), factories.claim_one(8))
    assert states(items) == [(ScanState.DONE, 1), (ScanState.QUEUED, 1), (ScanState.DONE, 1)]


def test_a_missing_file_is_storage_lost_and_an_unreadable_one_only_in_the_end() -> None:
    gone, unreadable = queue(2)
    factories.make_item()  # whose file is there, so that the storage is the right one
    outcomes: list[MediaReport | Exception] = [FileNotFoundError("gone"), PermissionError("not now")]
    scan.examine(host(lambda paths: outcomes[-len(paths) :]), factories.claim_one(8))
    assert states([gone, unreadable]) == [(ScanState.FAILED, 1), (ScanState.QUEUED, 1)]
    for _ in range(2):
        Scan.objects.update(next_attempt_at=timezone.now())
        scan.examine(host(lambda paths: outcomes[-len(paths) :]), factories.claim_one(8))
    unreadable.refresh_from_db()
    assert (unreadable.status, unreadable.reasons) == (ItemStatus.FAILED, ["storage_lost"])


def test_a_worker_that_sees_none_of_the_stored_files_loses_no_item(settings: Any, tmp_path: Path) -> None:
    items, usual = queue(2), settings.STORAGES
    here = {**usual["media"], "OPTIONS": {**usual["media"]["OPTIONS"], "location": str(tmp_path)}}
    settings.STORAGES = {**usual, "media": here}  # as on a machine whose folder is its own
    with pytest.raises(scan.NotShared):
        scan.examine(host(lambda paths: [FileNotFoundError("gone") for _ in paths]), factories.claim_one(8))
    assert states(items) == [(ScanState.QUEUED, 0), (ScanState.QUEUED, 0)], "another worker takes them"
    with pytest.raises(StorageFault, match="shared with the web side"):
        detector_host.host()
    settings.STORAGES = usual
    assert scanning.sees_what_is_stored()


def test_a_failing_device_costs_no_attempt_and_ends_the_process(a_fresh_detector: Callable[..., None]) -> None:
    items = queue()
    a_fresh_detector(RuntimeError("CUDA error: unspecified launch failure"))
    broken = host(raising(RuntimeError("CUDA error: unspecified launch failure")))
    with pytest.raises(SystemExit):
        scan.examine(broken, factories.claim_one(8))
    assert states(items) == [(ScanState.QUEUED, 0)] * 3
    assert factories.claim_one(8) == [], "and for a while nothing is claimed"


def test_a_file_that_breaks_the_detector_cannot_do_so_for_ever(a_fresh_detector: Callable[..., None]) -> None:
    """The device is sound, so it was one of them: each is tried alone, and one is set aside after its third attempt."""
    items = queue(2)
    a_fresh_detector()
    poison = Scan.objects.get(items=items[0]).asset.storage_name

    def examine(paths: Sequence[Path]) -> Outcomes:
        if any(path.match(f"*{poison}") for path in paths):
            raise RuntimeError("CUDA out of memory")
        return [factories.report(350) for _ in paths]

    for _ in range(6):
        Scan.objects.filter(state=ScanState.QUEUED).update(next_attempt_at=timezone.now())
        if claims := factories.claim_one(8):
            try:
                scan.examine(host(examine), claims)
            except RuntimeError:
                assert poison in {claim.storage_name for claim in claims}
    assert states(items) == [(ScanState.QUARANTINED, 3), (ScanState.DONE, 2)]


def test_a_mistake_of_ours_spends_an_attempt_and_is_not_hidden() -> None:
    items = queue(2)
    with pytest.raises(ZeroDivisionError):
        scan.examine(host(raising(ZeroDivisionError("a mistake"))), factories.claim_one(8))
    assert states(items) == [(ScanState.QUEUED, 1)] * 2


def test_what_was_found_waits_for_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    [item] = queue(1)
    real, failures = scanning.record, iter([OperationalError("gone"), OperationalError("still gone")])

    def record(results: Any) -> int:
        for failure in failures:
            raise failure
        return real(results)

    monkeypatch.setattr(scan, "DATABASE_PAUSES", (0, 0))
    monkeypatch.setattr(scan, "close_old_connections", lambda: None)  # pytest's transaction lives on this one
    monkeypatch.setattr(scanning, "record", record)
    scan.examine(host(lambda _: [factories.report(350)]), factories.claim_one())
    assert states([item]) == [(ScanState.DONE, 1)]


def test_a_database_that_stays_away_costs_no_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    items = queue(2)

    def record(_: Any) -> int:
        raise OperationalError("gone")

    monkeypatch.setattr(scan, "DATABASE_PAUSES", ())
    monkeypatch.setattr(scanning, "record", record)
    with pytest.raises(OperationalError):
        scan.examine(host(lambda paths: [factories.report(350) for _ in paths]), factories.claim_one(8))
    assert states(items) == [(ScanState.QUEUED, 0)] * 2


def test_a_process_that_ends_in_mid_batch_gives_it_back() -> None:
    items = queue(2)
    with pytest.raises(SystemExit):
        scan.examine(host(raising(SystemExit(143))), factories.claim_one(8))
    assert states(items) == [(ScanState.QUEUED, 0)] * 2


def test_a_batch_ended_by_the_time_limit_keeps_its_attempt_spent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Celery sends SIGTERM at the hard limit too: giving back would let a slow file loop for ever."""
    items = queue(2)
    monkeypatch.setattr(scan, "HARD_LIMIT_SECONDS", 0)
    with pytest.raises(SystemExit):
        scan.examine(host(raising(SystemExit(143))), factories.claim_one(8))
    assert states(items) == [(ScanState.RUNNING, 1)] * 2, "the sweeper finds it"


def test_told_to_stop_it_records_what_it_has_and_gives_back_the_rest(not_stopping: threading.Event) -> None:
    items = queue(3)

    class Slow(Scripted):
        def examine_many(self, paths: Iterable[Path]) -> Iterator[MediaReport | Exception]:
            for _ in paths:
                not_stopping.set()
                yield factories.report(350)

    detector, calibration = factories.make_detector()
    slow = Host("scan@here:1", cast(Any, Slow(lambda _: [])), detector, calibration)
    scan.examine(slow, factories.claim_one(8))
    assert states(items) == [(ScanState.DONE, 1), (ScanState.QUEUED, 0), (ScanState.QUEUED, 0)]


def test_a_process_that_stops_claims_nothing_more(
    not_stopping: threading.Event, a_fresh_detector: Callable[..., None]
) -> None:
    items = queue(1)
    a_fresh_detector()
    not_stopping.set()
    scan.scan("late")
    assert states(items) == [(ScanState.QUEUED, 0)]
