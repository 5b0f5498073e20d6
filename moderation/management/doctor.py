"""What `guard_doctor` looks at. Needs neither torch nor OpenCV: what only a worker can know, the workers' rows say."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import RedisError

import deepfake_guard.detector
from deepfake_guard.detector import manifest
from moderation import checks, dispatch
from moderation.conf import conf
from moderation.models import AuditEntry, WorkerStatus

OK, WARN, FAIL = "ok", "warn", "FAIL"
SILENT_AFTER = timedelta(seconds=60)
WORKERS = {
    dispatch.SCAN_QUEUE: "celery -A workers.celery_app worker -Q scan,views -P prefork -c 1 -O fair",
    dispatch.VIEWS_QUEUE: "celery -A workers.celery_app worker -Q scan,views -P prefork -c 1 -O fair",
    dispatch.DELIVER_QUEUE: "celery -A workers.celery_app worker -Q deliver -P threads -c 16",
    dispatch.UPKEEP_QUEUE: "celery -A workers.celery_app worker -Q upkeep -P prefork -c 2",
}
SCAN_WORKER = f"start a scan worker: {WORKERS[dispatch.SCAN_QUEUE]}"


@dataclass(frozen=True)
class Finding:
    """`state` is ok, warn (works, but look) or FAIL; `cure` is said for the latter two."""

    name: str
    state: str
    said: str
    cure: str = ""


def examine() -> Iterator[Finding]:
    """In the order in which things depend on each other; without a database nothing further can be asked of it."""
    yield from settings()
    found = database()
    yield found
    yield broker()
    yield weights()
    yield storage()
    yield from queues()
    if found.state == OK:
        yield warm_up()
        yield face_finder()
        yield decoder()
        yield upkeep()


def settings() -> Iterator[Finding]:
    wrong = checks.check_settings()
    for message in wrong:
        yield Finding("settings", FAIL, f"{message.id}: {message.msg}", "docs/settings.md lists them")
    if not wrong:
        yield Finding("settings", OK, "sound")


def database() -> Finding:
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        return Finding("database", FAIL, first_line(error), "is it running, and is DATABASE_URL (or VAR) right?")
    if missing:
        return Finding("database", FAIL, f"{len(missing)} migrations are not applied", "python manage.py migrate")
    return Finding("database", OK, f"{connection.vendor}, all migrations applied")


def broker() -> Finding:
    if dispatch.broker_answers():
        return Finding("broker", OK, "answers")
    cure = "is Redis or Valkey running, and is CELERY_BROKER_URL right? Uploads are taken in and wait meanwhile"
    return Finding("broker", FAIL, "does not answer", cure)


def queues() -> Iterator[Finding]:
    """Asks the running workers which queues they consume; they have a second to answer."""
    answers: list[dict[str, list[dict[str, str]]]] = []
    try:
        if dispatch.broker_answers():  # `inspect()` would drop one of two workers that share a name
            answers = dispatch.app.control.broadcast("active_queues", reply=True, timeout=1.0) or []
    except (BrokerError, RedisError, OSError):
        answers = []
    consumed = {queue["name"] for answer in answers for queues_of_one in answer.values() for queue in queues_of_one}
    for queue, command in WORKERS.items():
        if queue in consumed:
            yield Finding(f"queue {queue}", OK, "is consumed")
        else:
            yield Finding(f"queue {queue}", FAIL, "nobody consumes it", f"start a worker: {command}")


def weights() -> Finding:
    given = conf().ARTEFACT
    folder = Path(given) if given else Path(str(deepfake_guard.detector.__file__)).parent / "starter"
    try:
        passport = manifest.read(folder)
        manifest.verify(folder, passport)
    except (manifest.ArtefactError, OSError) as error:
        return Finding(
            "weights", FAIL, first_line(error), "reinstall the package, or set DEEPFAKE_GUARD_ARTEFACT right"
        )
    if passport.starter:
        cure = "fit your own on genuine faces of your users: python -m deepfake_guard.detector fit --help"
        return Finding("weights", WARN, f"{passport.detector_id}: hashes right; these are the starter weights", cure)
    return Finding("weights", OK, f"{passport.detector_id}: hashes right")


def storage() -> Finding:
    media, content = storages["media"], secrets.token_bytes(32)
    try:
        name = media.save(f"doctor/{secrets.token_hex(16)}", ContentFile(content))
        with media.open(name) as stored:
            same = stored.read() == content
        media.delete(name)
    except OSError as error:
        return Finding(
            "storage", FAIL, first_line(error), "give the guard's user write access to VAR/media (or the bucket)"
        )
    if not same:
        return Finding("storage", FAIL, "what was written is not what was read", "check the disk or the bucket")
    return Finding("storage", OK, "written, read back, deleted")


def newest_scan_worker() -> WorkerStatus | None:
    heard = WorkerStatus.objects.filter(queue=dispatch.SCAN_QUEUE, seen_at__gte=timezone.now() - SILENT_AFTER)
    return heard.exclude(warmed_at=None).select_related("detector").order_by("-warmed_at").first()


def warm_up() -> Finding:
    worker = newest_scan_worker()
    if worker is None:
        return Finding(
            "detector", FAIL, "no scan worker heard of in the last minute is warm", f"{SCAN_WORKER}; see its log"
        )
    return Finding("detector", OK, f"{worker.detector or 'unknown'} is warm on {worker.device}")


def face_finder() -> Finding:
    worker = newest_scan_worker()
    if worker is None:
        return Finding("face finder", WARN, "unknown until a scan worker is warm", SCAN_WORKER)
    name = str(worker.notes.get("face_finder", "unknown"))
    if name != "yunet":
        cure = "python -m deepfake_guard.detector faces install --download, then restart the scan workers"
        return Finding("face finder", WARN, f"{name}: of lower quality, nothing is blocked on its word", cure)
    return Finding("face finder", OK, name)


def decoder() -> Finding:
    worker = newest_scan_worker()
    if worker is None:
        return Finding("decoder", WARN, "unknown until a scan worker is warm", SCAN_WORKER)
    in_force: dict[str, bool] = worker.notes.get("decoder", {})
    missing = sorted(name for name, granted in in_force.items() if not granted)
    if missing or not in_force:
        cure = "run the scan workers on Linux, not as root, with kernel.unprivileged_userns_clone=1"
        return Finding("decoder", WARN, f"limits not granted: {', '.join(missing) or 'none known'}", cure)
    return Finding("decoder", OK, f"limits in force: {', '.join(sorted(in_force))}")


def upkeep() -> Finding:
    """The clock rings every two seconds; what waits for a minute waits for a clock that is not there."""
    waiting = AuditEntry.objects.filter(number=None, created_at__lt=timezone.now() - SILENT_AFTER).count()
    if waiting:
        cure = f"start beat (celery -A workers.celery_app beat) and: {WORKERS[dispatch.UPKEEP_QUEUE]}"
        return Finding("upkeep", FAIL, f"chain_behind: {waiting} audit entries wait for more than a minute", cure)
    return Finding("upkeep", OK, "keeps up")


def first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
