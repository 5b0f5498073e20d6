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
from cryptography.fernet import Fernet
from django.conf import LazySettings
from django.core.files.storage import Storage
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.utils import timezone

from moderation import dispatch
from moderation.management import doctor
from moderation.management.doctor import flow, foundations
from moderation.management.doctor import webhooks as hooks
from moderation.models import AuditEntry, Pulse, Scan, WebhookDelivery, WebhookEndpoint, WorkerStatus
from moderation.services import audit, calibration, operations, webhooks
from tests.factories import make_detector, make_item, make_platform

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


@pytest.mark.usefixtures("endpoint")
def test_it_names_each_queue_without_a_consumer_with_the_line_that_starts_one() -> None:
    found = findings()
    for queue in ("scan", "views", "deliver", "upkeep"):
        assert found[f"queue {queue}"]["state"] == doctor.FAIL
        assert "celery -A workers.celery_app worker -Q" in found[f"queue {queue}"]["cure"]
    for sound in (
        "settings", "database", "broker", "storage", "disk", "clock", "upkeep", "scans", "secrets", "endpoints",
        "deliveries", "allow-list",
    ):  # fmt: skip
        assert found[sound]["state"] == doctor.OK
    assert all(each["cure"] for each in found.values() if each["state"] != doctor.OK)


def test_nobody_need_deliver_where_no_endpoint_is() -> None:
    assert findings()["queue deliver"]["state"] == doctor.WARN


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


def test_it_finds_that_a_machine_does_not_share_the_storage(settings: LazySettings, tmp_path: Path) -> None:
    make_item()
    assert findings()["files"]["state"] == doctor.OK
    media = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(tmp_path)}}
    settings.STORAGES = {**settings.STORAGES, "media": media}
    assert findings()["files"]["state"] == doctor.FAIL


def test_it_finds_a_worker_that_cannot_screen_and_says_why() -> None:
    warm_worker()
    name = WorkerStatus.objects.get().name
    calibration.worker_is_not_ready(name, "StorageFault: none of the newest files is here")
    found = findings()["detector"]
    assert (found["state"], "none of the newest files is here" in found["said"]) == (doctor.FAIL, True)


class Bucket(Storage):
    def exists(self, name: str) -> bool:
        return False

    def _save(self, name: str, content: Any) -> str:
        raise RuntimeError("An error occurred (AccessDenied) when calling PutObject")  # of no kind that we know


def test_it_finds_storage_that_fails_in_a_way_of_its_own(settings: LazySettings) -> None:
    settings.STORAGES = {**settings.STORAGES, "media": {"BACKEND": f"{__name__}.Bucket"}}
    found = findings()["storage"]
    assert (found["state"], "AccessDenied" in found["said"], "STORAGES" in found["cure"]) == (doctor.FAIL, True, True)


def test_it_notices_that_the_clock_stands_still() -> None:
    audit.note("thing.done", "system", "thing:1")
    AuditEntry.objects.update(created_at=timezone.now() - timedelta(minutes=2))
    assert "chain_behind: 1" in findings()["upkeep"]["said"]


def test_it_names_a_wrong_setting(settings: LazySettings) -> None:
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "MAX_PIXELS": 0}
    assert "deepfake_guard.E002" in findings()["settings"]["said"]


def test_it_ends_with_a_setting_that_cannot_be_read(settings: LazySettings) -> None:
    settings.DEEPFAKE_GUARD = {"SCAN_BATHC": 8}
    [found] = findings().values()
    assert (found["name"], found["state"]) == ("settings", doctor.FAIL)
    assert "SCAN_BATHC" in found["said"]


def test_a_setting_of_the_project_that_only_looks_odd_is_a_warning(settings: LazySettings) -> None:
    settings.DEBUG = True
    found = findings()["settings"]
    assert (found["state"], found["said"][:20]) == (doctor.WARN, "deepfake_guard.W006:")


def test_it_notices_that_nobody_rings() -> None:
    assert flow.beat().state == doctor.WARN
    operations.beat()
    assert flow.beat().state == doctor.OK
    Pulse.objects.update(minute=timezone.now() - timedelta(minutes=4))
    assert (flow.beat().state, "beat" in flow.beat().cure) == (doctor.FAIL, True)


def test_it_names_a_worker_whose_clock_is_ahead() -> None:
    warm_worker()
    assert flow.clock().state == doctor.OK
    WorkerStatus.objects.update(seen_at=timezone.now() + timedelta(minutes=1))
    assert "scan@here" in flow.clock().said


def test_it_notices_that_our_clock_is_not_the_databases(monkeypatch: pytest.MonkeyPatch) -> None:
    now = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: now() + timedelta(seconds=30))
    assert "30 s off" in flow.clock().said


def test_it_says_how_little_room_is_left(settings: LazySettings) -> None:
    free = shutil.disk_usage(os.environ["VAR"]).free
    for largest, state in ((free, doctor.FAIL), (free // 50, doctor.WARN)):
        settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "MAX_UPLOAD_BYTES": largest}
        assert foundations.disk().state == state


def test_it_says_that_scans_wait_and_who_makes_no_progress() -> None:
    make_item()
    assert (flow.scans().state, flow.scans().said) == (doctor.OK, "1 wait")
    Scan.objects.update(created_at=timezone.now() - timedelta(minutes=2))
    assert (flow.scans().state, flow.scans().said[:6]) == (doctor.WARN, "1 wait")
    warm_worker()
    Scan.objects.update(state="running", worker="scan@here", lease_until=timezone.now() + timedelta(minutes=5))
    WorkerStatus.objects.update(progressed_at=timezone.now() - timedelta(minutes=4))
    assert "scan@here makes no progress" in flow.scans().said


@pytest.fixture
def endpoint(settings: LazySettings) -> WebhookEndpoint:
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "WEBHOOK_ALLOWED": ["127.0.0.1:9"]}
    return webhooks.add_endpoint(make_platform(), "http://127.0.0.1:9/hook", actor="system")[0]


def test_it_names_an_endpoint_to_which_nothing_is_sent(endpoint: WebhookEndpoint) -> None:
    assert hooks.endpoints().said == "1 active, none is failing"
    WebhookEndpoint.objects.update(failures=7, open_until=timezone.now() + timedelta(minutes=1))
    found = hooks.endpoints()
    assert (found.state, "7 attempts" in found.said) == (doctor.WARN, True)
    assert endpoint.url in found.said


def test_it_names_an_endpoint_that_must_not_be_called(endpoint: WebhookEndpoint, settings: LazySettings) -> None:
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "WEBHOOK_ALLOWED": []}
    found = hooks.endpoints()
    assert (found.state, endpoint.url in found.said) == (doctor.WARN, True)


def test_it_leaves_no_endpoint_out_silently(endpoint: WebhookEndpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever their number: each name is looked up, or it is said that time did not suffice."""
    others = [WebhookEndpoint(platform=endpoint.platform, url=endpoint.url, secret="-") for _ in range(60)]
    WebhookEndpoint.objects.bulk_create(others)
    last = WebhookEndpoint.objects.order_by("pk").last()
    assert last is not None
    WebhookEndpoint.objects.filter(pk=last.pk).update(url="http://10.0.0.8:9/last")
    assert hooks.endpoints().said == "http://10.0.0.8:9/last: only https:// is called"
    monkeypatch.setattr(hooks, "RESOLVING_SECONDS", 0.0)
    found = hooks.endpoints()
    assert (found.state, found.said) == (doctor.WARN, "61 active; 61 not looked up within 0 s")


def test_it_says_that_deliveries_are_late_but_not_those_that_wait_for_their_turn(endpoint: WebhookEndpoint) -> None:
    webhooks.send_test(endpoint)
    assert hooks.deliveries().state == doctor.OK
    WebhookDelivery.objects.update(next_attempt_at=timezone.now() - timedelta(minutes=4))
    assert hooks.deliveries().said == "1 should have been sent a minute ago"
    WebhookEndpoint.objects.update(open_until=timezone.now() + timedelta(minutes=1))
    assert hooks.deliveries().state == doctor.OK


def test_it_names_secrets_that_nobody_can_read(endpoint: WebhookEndpoint) -> None:
    assert hooks.secrets().said == "1 can be read"
    WebhookEndpoint.objects.update(secret=Fernet(Fernet.generate_key()).encrypt(b"whsec_").decode())
    found = hooks.secrets()
    assert (found.state, str(endpoint.pk) in found.said) == (doctor.FAIL, True)


def test_it_names_an_exception_to_the_rule_on_addresses_that_nobody_needs(
    endpoint: WebhookEndpoint, settings: LazySettings
) -> None:
    assert hooks.allow_list().state == doctor.OK
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "WEBHOOK_ALLOWED": ["127.0.0.1:9", "10.0.0.7:8080"]}
    assert hooks.allow_list().said == "no endpoint uses 10.0.0.7:8080"


def test_everything_it_looks_at_is_explained_in_the_order_in_which_it_is_said() -> None:
    page = (ROOT / "docs/doctor.md").read_text()
    places = {name: page.find(f"| `{name.partition(' ')[0]}") for name in findings()}
    assert [name for name, place in places.items() if place < 0] == []
    assert list(places.values()) == sorted(places.values())


def test_it_works_without_torch_and_without_a_migrated_database(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise ImportError('no torch here')")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "VAR": str(tmp_path), "DATABASE_URL": ""}
    command = [sys.executable, "manage.py", "guard_doctor"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=100, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False), done.stderr
    for said in ("python manage.py migrate", "hashes right", "FAIL  queue upkeep"):
        assert said in done.stdout
    assert done.stderr.splitlines()[-1].endswith("must be put right")


def test_it_asks_nothing_of_a_database_that_the_guard_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "vendor", "mysql")
    found = findings()
    assert (found["database"]["state"], "clock" in found) == (doctor.FAIL, False)


def test_it_ends_with_a_sentence_where_a_table_is_lost() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {Pulse._meta.db_table}")
    out = io.StringIO()
    with pytest.raises(CommandError, match="the database does not do as asked"):
        call_command("guard_doctor", "--json", stdout=out)
    assert json.loads(out.getvalue().splitlines()[-1])["name"] == "clock"
