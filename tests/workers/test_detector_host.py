"""One Detector a process: what it says of itself once it is warm, and what happens when it cannot be loaded."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deepfake_guard.detector import process
from deepfake_guard.detector.records import MediaReport
from moderation.conf import Conf
from moderation.models import Calibration, DetectorVersion, Scan, WorkerStatus
from moderation.services import scanning
from moderation.vocabulary import ScanState
from tests import factories
from workers import detector_host, scan

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def cold() -> Iterator[None]:
    detector_host.drop()
    yield
    detector_host.drop()


def test_a_warm_worker_says_what_it_holds_so_that_the_web_needs_no_torch(tmp_path: Path) -> None:
    assert not WorkerStatus.objects.exists()
    host = detector_host.host()
    assert detector_host.host() is host, "loaded once"
    detector, calibration, status = DetectorVersion.objects.get(), Calibration.objects.get(), WorkerStatus.objects.get()
    assert (host.version, host.calibration, status.detector, status.calibration) == (
        detector,
        calibration,
        detector,
        calibration,
    )
    assert (calibration.manifest["starter"], status.queue, status.name) == (True, "scan", host.name)
    assert calibration.manifest["sets"]
    bucket = calibration.buckets["any"]
    assert (bucket["n"], sum(bucket["counts"]), len(bucket["edges"])) == (700, 700, len(bucket["counts"]) + 1)
    assert status.warmed_at is not None
    assert status.notes["face_finder"]
    assert "no_new_privs" in status.notes["decoder"]
    portrait, broken = tmp_path / "a", tmp_path / "b"
    portrait.write_bytes(factories.portrait())
    broken.write_bytes(b"\xff\xd8\xff no picture")
    first, second = host.examine([portrait, broken])
    assert isinstance(first, MediaReport)
    assert isinstance(second, MediaReport)
    assert (first.status, second.status, second.reasons) == ("done", "not_applicable", ("decode_error",))
    assert (first.detector_id, first.calibration_id) == (detector.identity, calibration.identity)


def test_what_failed_without_a_detector_waits_again_once_one_is_warm() -> None:
    item = factories.make_item()
    Scan.objects.update(created_at="2020-01-01T00:00Z", next_attempt_at="2020-01-01T00:00Z")
    assert scanning.fail_without_detector() == 1
    detector_host.host()
    assert factories.scan_of(item).state == ScanState.QUEUED


def test_without_a_loadable_detector_nothing_is_claimed(settings: Any, tmp_path: Path) -> None:
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "ARTEFACT": str(tmp_path)}
    item = factories.make_item()
    with pytest.raises((ValueError, OSError)):
        scan.scan("rung")
    assert (factories.scan_of(item).state, factories.scan_of(item).attempts) == (ScanState.QUEUED, 0)
    assert not WorkerStatus.objects.exists()


def test_a_device_that_is_not_there_is_named_and_nothing_is_claimed(settings: Any) -> None:
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "DEVICE": "cuda:99"}
    item = factories.make_item()
    with pytest.raises(RuntimeError, match="cuda:99"):
        scan.scan("rung")
    assert factories.scan_of(item).attempts == 0


waits_before_torch: list[str | None] = []


def of_the_site(values: Conf) -> Any:
    """What a project may name in DETECTOR."""
    waits_before_torch.append(os.environ.get("GOMP_SPINCOUNT"))
    detector = detector_host.build(values)
    detector.of_the_site = True  # type: ignore[attr-defined]
    return detector


def test_a_project_may_name_what_builds_its_detector(settings: Any) -> None:
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "DETECTOR": "tests.workers.test_detector_host.of_the_site"}
    assert detector_host.host().detector.of_the_site  # type: ignore[attr-defined]


def mistaken(_: Conf) -> Any:
    """Ends the heartbeat after this try."""
    detector_host._left.set()
    raise TypeError("unexpected keyword argument 'threads'")


def test_whatever_keeps_it_from_warming_up_is_said_and_ends_no_heartbeat(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detector_host, "_left", threading.Event())
    monkeypatch.setattr(detector_host, "close_old_connections", lambda: None)  # the test's own
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "DETECTOR": "tests.workers.test_detector_host.mistaken"}
    detector_host._beat("scan")
    assert WorkerStatus.objects.get().notes["fault"] == "TypeError: unexpected keyword argument 'threads'"


def test_how_idle_threads_wait_is_said_before_anything_builds_a_detector(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in process.HOW_THREADS_WAIT:
        monkeypatch.delenv(name, raising=False)
    waits_before_torch.clear()
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "DETECTOR": "tests.workers.test_detector_host.of_the_site"}
    detector_host.host()
    assert waits_before_torch == [str(process.SPIN)]
