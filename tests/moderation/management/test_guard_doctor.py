from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from moderation import dispatch
from moderation.management import doctor
from moderation.models import AuditEntry, WorkerStatus
from moderation.services import audit
from tests.factories import make_detector

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).parents[3]
STARTER = ROOT / "deepfake_guard/detector/starter"


def findings() -> dict[str, dict[str, Any]]:
    out = io.StringIO()
    with pytest.raises(CommandError):
        call_command("guard_doctor", "--json", stdout=out)
    return {found["name"]: found for found in map(json.loads, out.getvalue().splitlines())}


@pytest.fixture
def no_broker(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CELERY_BROKER_URL", "redis+socket:///nowhere/broker.sock")  # Celery looks there first
    monkeypatch.setattr(dispatch, "app", dispatch.make_app())
    dispatch._ring_connection.cache_clear()
    yield
    dispatch._ring_connection.cache_clear()


def warm_worker(**notes: Any) -> None:
    detector, calibration = make_detector()
    now = timezone.now()
    WorkerStatus.objects.create(
        name="scan@here", queue="scan", device="cpu", detector=detector, calibration=calibration,
        seen_at=now, warmed_at=now, notes=notes,
    )  # fmt: skip


def test_it_names_each_queue_without_a_consumer_with_the_line_that_starts_one() -> None:
    found = findings()
    for queue in ("scan", "deliver", "upkeep"):
        assert found[f"queue {queue}"]["state"] == doctor.FAIL
        assert "celery -A workers.celery_app worker -Q" in found[f"queue {queue}"]["cure"]
    for sound in ("settings", "database", "broker", "storage", "upkeep"):
        assert found[sound]["state"] == doctor.OK
    assert all(each["cure"] for each in found.values() if each["state"] != doctor.OK)


@pytest.mark.usefixtures("no_broker")
def test_it_says_that_the_broker_is_gone_and_does_not_hang() -> None:
    assert findings()["broker"]["state"] == doctor.FAIL


def test_it_finds_weights_that_are_not_what_their_passport_says(settings: LazySettings, tmp_path: Path) -> None:
    assert findings()["weights"]["state"] == doctor.WARN  # right, but starter weights
    altered = shutil.copytree(STARTER, tmp_path / "artefact")
    with (altered / "model.safetensors").open("ab") as file:
        file.write(b"!")
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "ARTEFACT": str(altered)}
    assert findings()["weights"]["state"] == doctor.FAIL
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "ARTEFACT": str(tmp_path / "nowhere")}
    assert "missing" in findings()["weights"]["said"]


def test_it_reports_what_a_warm_worker_said_of_face_finder_and_decoder() -> None:
    warm_worker(face_finder="haar", decoder={"memory": True, "network": False})
    found = findings()
    assert found["detector"]["state"] == doctor.OK
    assert (found["face finder"]["state"], "faces install" in found["face finder"]["cure"]) == (doctor.WARN, True)
    assert "network" in found["decoder"]["said"]


def test_it_is_content_with_yunet_and_every_limit() -> None:
    warm_worker(face_finder="yunet", decoder={"memory": True, "network": True})
    found = findings()
    assert (found["face finder"]["state"], found["decoder"]["state"]) == (doctor.OK, doctor.OK)


def test_it_finds_storage_that_cannot_be_written(settings: LazySettings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    media = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(tmp_path / "file")}}
    settings.STORAGES = {**settings.STORAGES, "media": media}
    assert findings()["storage"]["state"] == doctor.FAIL


def test_it_notices_that_the_clock_stands_still() -> None:
    audit.note("thing.done", "system", "thing:1")
    AuditEntry.objects.update(created_at=timezone.now() - timedelta(minutes=2))
    assert "chain_behind: 1" in findings()["upkeep"]["said"]


def test_it_names_a_wrong_setting(settings: LazySettings) -> None:
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "MAX_PIXELS": 0}
    assert "deepfake_guard.E002" in findings()["settings"]["said"]


def test_it_works_without_torch_and_without_a_migrated_database(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise ImportError('no torch here')")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "VAR": str(tmp_path), "DATABASE_URL": ""}
    command = [sys.executable, "manage.py", "guard_doctor"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 1
    assert "python manage.py migrate" in done.stdout
    assert "hashes right" in done.stdout
