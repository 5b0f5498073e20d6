"""The clock, the routes and the limits of the workers."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from celery import Celery, current_app
from django.conf import settings

from deepfake_guard.run import programs
from moderation import dispatch
from moderation.conf import Conf
from moderation.models import Decision
from tests import factories
from workers import deliver, upkeep
from workers.celery_app import app

ROOT = Path(__file__).parents[2]


def test_the_clock_rings_only_tasks_that_exist_and_as_often_as_promised() -> None:
    schedule = {entry["task"]: entry["schedule"] for entry in app.conf.beat_schedule.values()}
    assert schedule == {
        "deepfake_guard.settle_due": 5,
        "deepfake_guard.sweep_scans": 15,
        "deepfake_guard.sweep_views": 60,
        "deepfake_guard.sweep_deliveries": 15,
        "deepfake_guard.sweep_hosted": 15,
        "deepfake_guard.sweep_fetches": 15,
        "deepfake_guard.number_events": 2,
        "deepfake_guard.link_audit": 2,
        "deepfake_guard.add_up_bytes": 2,
        "deepfake_guard.name_unscreened": 600,
        "deepfake_guard.draw_checks": 300,
        "deepfake_guard.note_pulse": 60,
        "deepfake_guard.watch": 60,
        "deepfake_guard.purge_expired": 60,
        "deepfake_guard.purge_orphans": 3600,
        "deepfake_guard.reconcile_bytes": 3600,
        "deepfake_guard.forget_answers": 3600,
        "deepfake_guard.forget_exposure": 3600,
        "deepfake_guard.forget_events": 600,
    }
    assert set(schedule) <= set(app.tasks)
    assert {dispatch.SCAN_TASK, dispatch.DELIVER_TASK, dispatch.SETTLE_TASK} <= set(app.tasks)


def test_every_task_goes_to_the_queue_of_the_processes_that_can_do_it() -> None:
    queues = {name: app.amqp.router.route({}, name)["queue"].name for name in app.tasks if "deepfake" in name}
    assert queues.pop(dispatch.SCAN_TASK) == "scan"
    assert queues.pop(dispatch.VIEWS_TASK) == "views"
    assert queues.pop(dispatch.DELIVER_TASK) == "deliver"
    assert queues.pop(dispatch.FETCH_TASK) == "fetch"
    assert set(queues.values()) == {"upkeep"}


def test_every_queue_has_its_process_wherever_processes_are_listed_and_webhooks_have_one_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEEPFAKE_GUARD_URL_SUBMISSIONS", "true")
    started = [program.argv for program in programs.workers(tmp_path) if "-Q" in program.argv]
    served = [argv[argv.index("-Q") + 1] for argv in started]
    assert sorted(",".join(served).split(",")) == sorted(queue.name for queue in app.conf.task_queues)
    assert "deliver" in served
    findings = "moderation/management/doctor/findings.py"
    for listed in ("docker/entrypoint", "docs/run.md", "docs/plugin.md", "workers/celery_app.py", findings):
        assert set(re.findall(r"worker -Q ([a-z,]+)", (ROOT / listed).read_text())) == set(served), listed


@pytest.mark.parametrize(("given", "fetches"), [("y", True), ("t", True), ("on", True), ("", False), ("n", False)])
def test_it_starts_the_worker_that_fetches_exactly_where_the_settings_switch_fetching_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, fetches: bool
) -> None:
    monkeypatch.setenv("DEEPFAKE_GUARD_URL_SUBMISSIONS", given)
    assert ("fetch" in [program.name for program in programs.workers(tmp_path)]) is fetches


def test_decoding_ends_before_the_task_the_task_before_the_lease_the_lease_before_redelivery() -> None:
    usual = Conf()
    decoding = usual.SCAN_BATCH * usual.DECODE_SECONDS
    assert decoding < app.conf.task_time_limit < usual.SCAN_LEASE_SECONDS
    assert app.conf.broker_transport_options["visibility_timeout"] > usual.SCAN_LEASE_SECONDS


def test_the_clock_keeps_its_file_with_the_rest_of_what_is_kept() -> None:
    assert Path(app.conf.beat_schedule_filename).parent == Path(settings.STATIC_ROOT).parent


def test_pool_processes_are_forked_where_that_is_safe() -> None:
    assert app.conf.worker_pool_start_method == ("spawn" if sys.platform == "darwin" else "fork")


def test_no_heavy_module_is_loaded_before_a_pool_process_starts() -> None:
    """Forking after torch has threads, or CUDA a context, does not end well."""
    code = "import sys, workers.celery_app; print(*{'torch', 'timm', 'cv2', 'av'} & set(sys.modules))"
    said = subprocess.run(
        [sys.executable, "-c", code], env=dict(os.environ), capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == ""


@pytest.mark.django_db
def test_the_settle_task_settles_by_id() -> None:
    decision = factories.pending(factories.make_case())
    upkeep.settle(str(decision.pk))
    assert Decision.objects.get().state == "settled"


@pytest.mark.django_db
def test_upkeep_numbers_what_was_committed() -> None:
    case = factories.make_case()
    upkeep.number_events()
    assert list(case.item.events.order_by("number").values_list("number", flat=True)) == [1, 2]


@pytest.mark.django_db
def test_a_delivery_that_is_gone_is_no_error() -> None:
    assert deliver.deliver("01a211cb-89d4-7dea-a8d9-b358d5026576") is None


def test_what_a_sites_handlers_send_goes_into_the_sites_queues(monkeypatch: pytest.MonkeyPatch) -> None:
    app.set_current()  # as Celery does in a pool process
    with dispatch.as_the_site():
        assert current_app.main == app.main, "a guard that stands alone has no other"
    monkeypatch.setattr(dispatch, "site_app", Celery("site", set_as_current=False))
    with dispatch.as_the_site():
        assert current_app.main == "site"
    assert current_app.main == app.main
