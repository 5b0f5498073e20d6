"""The Celery app of the workers: dispatch's own, with the tasks and the clock added.

celery -A workers.celery_app worker -Q scan,views -P prefork -c 1 -O fair      (one for each device)
celery -A workers.celery_app worker -Q deliver -P threads -c 16                (as many sends at once)
celery -A workers.celery_app worker -Q upkeep -P prefork -c 2
celery -A workers.celery_app worker -Q fetch -P threads -c 8                   (where URL_SUBMISSIONS is on)
celery -A workers.celery_app beat
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "deepfake_guard.settings")
django.setup()

import billiard.pool  # noqa: E402  (after Django is set up)
from celery import current_app, signals  # noqa: E402
from celery.app import app_or_default  # noqa: E402
from celery.concurrency.thread import TaskPool as ThreadPool  # noqa: E402
from celery.worker import WorkController  # noqa: E402
from celery.worker.consumer import Consumer  # noqa: E402
from django.conf import settings  # noqa: E402

from moderation import dispatch, telemetry  # noqa: E402
from workers import closeups, deliver, detector_host, fetch, scan, upkeep  # noqa: E402

app = dispatch.app
if current_app.main not in ("default", app.main):  # the site's own, made while Django was set up
    dispatch.site_app = app_or_default()
app.set_default()


def every(seconds: float, task: Any) -> dict[str, Any]:
    """A message that nobody took within two rounds is dropped: the next one does the same work."""
    return {"task": task.name, "schedule": seconds, "options": {"expires": 2 * seconds}}


# A task that reaches a pool process as the worker stops is struck from the books (celery's AsynPool.flush), and the
# process would wait half a minute for a receipt that never comes. The row of the work says all that counts.
billiard.pool.GUARANTEE_MESSAGE_CONSUMPTION_RETRY_LIMIT = 20  # tenths of a second

# On macOS forking is unsafe once torch's libraries are loaded: there a pool process is a fresh interpreter, which finds
# the tasks by this import.
app.conf.worker_pool_start_method = "spawn" if sys.platform == "darwin" else "fork"
app.conf.include = ["workers.celery_app"]
app.conf.beat_schedule_filename = str(Path(settings.STATIC_ROOT or "static").parent / "beat")
app.conf.beat_schedule = {
    "settle decisions": every(5.0, upkeep.settle_due),
    "sweep scans": every(15.0, upkeep.sweep_scans),
    "sweep close views": every(60.0, upkeep.sweep_views),
    "sweep fetches": every(15.0, upkeep.sweep_fetches),
    "sweep deliveries": every(15.0, upkeep.sweep_deliveries),
    "submit and tell what a site's process left": every(15.0, upkeep.sweep_hosted),
    "number events": every(2.0, upkeep.number_events),
    "link the audit trail": every(2.0, upkeep.link_audit),
    "add up what is stored": every(2.0, upkeep.add_up_bytes),
    "name what no detector screened": every(600.0, upkeep.name_unscreened),
    "note how it goes": every(60.0, upkeep.note_pulse),
    "tell the team": every(60.0, upkeep.watch),
    "draw checks of the desk": every(300.0, upkeep.draw_checks),
    "remove media past their days": every(60.0, upkeep.purge_expired),
    "delete files that no row names": every(3600.0, upkeep.purge_orphans),
    "look whether what is stored adds up": every(3600.0, upkeep.reconcile_bytes),
    "forget answers": every(3600.0, upkeep.forget_answers),
    "forget who was shown what": every(3600.0, upkeep.forget_exposure),
    "forget events": every(600.0, upkeep.forget_events),
}
# the first that a worker serves
BEATING = (dispatch.SCAN_QUEUE, dispatch.DELIVER_QUEUE, dispatch.UPKEEP_QUEUE, dispatch.FETCH_QUEUE)
TASKS = (scan.scan, closeups.make_views, fetch.fetch, deliver.deliver, upkeep.settle)


@signals.setup_logging.connect
def set_up_logging(**_: Any) -> None:
    telemetry.set_up()


@signals.worker_init.connect
def remember_queues(sender: WorkController, **_: Any) -> None:
    """Forked processes inherit it: only those that serve the scan queue load a detector."""
    served = sender.app.amqp.queues.consume_from
    os.environ["GUARD_SCANS"] = "1" if dispatch.SCAN_QUEUE in served else ""
    os.environ["GUARD_BEATS_AS"] = next((name for name in BEATING if name in served), dispatch.UPKEEP_QUEUE)
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)  # inherited: a pool process told to wind up too early must not die
    detector_host.hide_from_the_decoder()


@signals.worker_process_init.connect
def warm_up(**_: Any) -> None:
    if os.environ.get("GUARD_SCANS"):
        signal.signal(signal.SIGUSR2, lambda *_: scan.stopping.set())
    detector_host.beat_in_background(os.environ["GUARD_BEATS_AS"])


@signals.worker_ready.connect
def beat_for_threads(sender: Consumer, **_: Any) -> None:
    """A pool of threads starts no process that would."""
    if isinstance(sender.pool, ThreadPool):
        detector_host.beat_in_background(os.environ["GUARD_BEATS_AS"])


@signals.worker_process_shutdown.connect
@signals.worker_shutdown.connect
def sign_off(**_: Any) -> None:
    """Each pool process for itself; where the pool is threads, the one process."""
    detector_host.leave()


@signals.worker_shutting_down.connect
def stop_scanning(**_: Any) -> None:
    """Celery lets the running task finish; it gives back what it has not begun."""
    if os.environ.get("GUARD_SCANS"):
        for child in billiard.active_children():
            if child.pid is not None:
                os.kill(child.pid, signal.SIGUSR2)
