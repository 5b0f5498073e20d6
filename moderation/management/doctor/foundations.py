"""What everything stands on: settings, database, broker, storage, disk space."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import InvalidStorageError, storages
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from moderation import dispatch, media_store, site_checks
from moderation.conf import conf
from moderation.filing import DOCTOR
from moderation.management.doctor.findings import FAIL, OK, WARN, Finding, first_line
from moderation.services import room, scanning

OURS = "deepfake_guard."
SAID_BY_WEIGHTS = {"deepfake_guard.W003", "deepfake_guard.W004"}
DATABASE_CURE = "is it running, and is DATABASE_URL (in a project of your own: DATABASES) right?"
BROKER_CURE = (
    "is Redis or Valkey running, and is CELERY_BROKER_URL (in a project of your own perhaps BROKER_URL) right? Uploads "
    "are taken in and wait meanwhile"
)
UPLOADS_LEFT, UPLOADS_COMFORTABLE = 10, 100  # of the largest size: below the first no room, below the second look


def unusable_settings() -> Finding | None:
    try:
        conf()
    except ImproperlyConfigured as error:
        return Finding("settings", FAIL, first_line(error), "docs/settings.md lists them; nothing else can be asked")
    return None


def settings() -> Iterator[Finding]:
    """The guard's own system checks, those of `check --deploy` among them."""
    found = [
        message
        for message in checks.run_checks(include_deployment_checks=True)
        if (message.id or "").startswith(OURS) and message.id not in SAID_BY_WEIGHTS and not message.is_silenced()
    ]
    for message in found:
        state = FAIL if message.is_serious() else WARN
        yield Finding("settings", state, f"{message.id}: {message.msg}", message.hint or "docs/settings.md lists them")
    if not found:
        yield Finding("settings", OK, "sound")


def database() -> Finding:
    if connection.vendor not in site_checks.DATABASES:
        return Finding("database", FAIL, f"is {connection.display_name}", "PostgreSQL or SQLite: docs/plugin.md")
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        return Finding("database", FAIL, first_line(error), DATABASE_CURE)
    if missing:
        return Finding("database", FAIL, f"{len(missing)} migrations are not applied", "python manage.py migrate")
    return Finding("database", OK, f"{connection.vendor}, all migrations applied")


def broker() -> Finding:
    if dispatch.broker_answers():
        return Finding("broker", OK, "answers")
    return Finding("broker", FAIL, "does not answer", BROKER_CURE)


def counted() -> Finding:
    """Whether the bytes that are counted for each platform are those of its files' rows."""
    wrong = room.drift()
    if not wrong:
        return Finding("bytes stored", OK, "counted as the files' rows say")
    said = f"{len(wrong)} platform{'' if len(wrong) == 1 else 's'} wrong by {sum(map(abs, wrong.values()))} bytes"
    return Finding("bytes stored", WARN, said, "upkeep corrects it within the hour; tell us if it comes again")


def storage() -> Finding:
    content = secrets.token_bytes(32)
    try:
        name = media_store.save(DOCTOR, content)
        same = media_store.read(name) == content
        media_store.delete(name)
    except OSError as error:
        cure = 'look at STORAGES["media"]: is it there, and may the guard\'s user write, read and delete in it?'
        return Finding("storage", FAIL, first_line(error), cure)
    if not same:
        return Finding("storage", FAIL, "what was written is not what was read", "check the disk")
    return Finding("storage", OK, "written, read back, deleted")


def files() -> Finding:
    """Whether this machine's storage is the one where uploads are taken in."""
    cure = 'share STORAGES["media"] with the web side (docs/run.md), or bring the files back (docs/backup.md)'
    try:
        if scanning.sees_what_is_stored():
            return Finding("files", OK, "what was taken in is here")
    except OSError as error:
        return Finding("files", FAIL, first_line(error), cure)
    return Finding("files", FAIL, "none of the newest that were taken in is here", cure)


def disk() -> Finding:
    """The tightest of the places that grow: media, the database's file, and where uploads are taken in."""
    free, place = min((shutil.disk_usage(place).free, place) for place in _places())
    largest = conf().MAX_UPLOAD_BYTES
    said = f"{free / 2**30:.1f} GiB free in {place}"
    cure = "make room: shorter retention (guard_platform), STORAGE_CEILING_BYTES, or a larger disk"
    if free < UPLOADS_LEFT * largest:
        return Finding("disk", FAIL, f"{said}, less than {UPLOADS_LEFT} uploads of the largest size", cure)
    if free < UPLOADS_COMFORTABLE * largest:
        return Finding("disk", WARN, f"{said}, less than {UPLOADS_COMFORTABLE} uploads of the largest size", cure)
    return Finding("disk", OK, said)


def _places() -> Iterator[Path]:
    """Those that are there: what is missing, storage and database say."""
    named = [tempfile.gettempdir()]
    if connection.vendor == "sqlite":
        named.append(str(Path(connection.settings_dict["NAME"]).parent))
    with suppress(InvalidStorageError):
        named.append(getattr(storages["media"], "location", ""))  # a bucket has none
    yield from (Path(name) for name in named if name and Path(name).is_dir())
