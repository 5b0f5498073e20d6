"""System checks of the project around the guard: database, broker, storage, weights, secrets, names (docs/settings.md).

They look at settings and files alone. What only a database or a worker knows is for `guard_doctor`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import FileSystemStorage, InvalidStorageError, Storage, storages
from django.db import DEFAULT_DB_ALIAS, connections, router
from django.utils.module_loading import import_string

from deepfake_guard.detector import manifest
from moderation import registry
from moderation.conf import VISIBILITY_SECONDS, broker_url, conf

DATABASES = {"postgresql", "sqlite"}
WRITES_ALONE = {"IMMEDIATE", "EXCLUSIVE"}
BROKERS = {"redis", "rediss", "redis+socket", "sentinel"}
UNSAFE = {"pickle", "application/x-python-serialize"}
PACKAGES = ("deepfake_guard", "moderation", "workers")
HOME = Path(__file__).resolve().parents[1]
SHORTEST_SECRET = 32


def register_all() -> None:
    for check in (
        check_database,
        check_broker,
        check_storage,
        check_registered,
        check_names,
        check_weights,
        check_imports,
    ):
        register(check, Tags.compatibility)
    register(check_production, Tags.security, deploy=True)


def check_database(**_: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    database = connections[DEFAULT_DB_ALIAS]
    if database.vendor not in DATABASES:
        text = f"the guard's tables want PostgreSQL or SQLite, and the default database is {database.display_name}"
        found.append(Error(text, id="deepfake_guard.E015"))
    if not settings.USE_TZ:
        text = "USE_TZ is False: the guard's leases, due times and signatures are moments, not times of a wall clock"
        found.append(Error(text, id="deepfake_guard.E016"))
    mode = database.settings_dict.get("OPTIONS", {}).get("transaction_mode") or ""
    if database.vendor == "sqlite" and mode.upper() not in WRITES_ALONE:
        text = 'SQLite without "transaction_mode": "IMMEDIATE" in its OPTIONS: of two processes that write, one fails '
        text += "with “database is locked”, and two may do upkeep at once"
        found.append(checks.Warning(text, id="deepfake_guard.W008"))
    return found


def check_broker(**_: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    scheme = broker_url().partition(":")[0]
    if scheme not in BROKERS:
        text = f"the broker must be a Redis or Valkey, not {scheme}: give the guard a BROKER_URL of its own"
        found.append(Error(text, id="deepfake_guard.E017"))
    options = getattr(settings, "CELERY_BROKER_TRANSPORT_OPTIONS", {})
    if options.get("visibility_timeout", VISIBILITY_SECONDS) < VISIBILITY_SECONDS:
        text = f"CELERY_BROKER_TRANSPORT_OPTIONS: visibility_timeout must be at least {VISIBILITY_SECONDS} s, else the "
        text += "broker hands out again what a worker is still at"
        found.append(Error(text, id="deepfake_guard.E007"))
    shared = broker_url() == getattr(settings, "CELERY_BROKER_URL", None)
    if shared and UNSAFE & set(getattr(settings, "CELERY_ACCEPT_CONTENT", [])):
        text = "CELERY_ACCEPT_CONTENT takes pickle from the broker that the guard uses too: whoever can write there "
        text += "runs code in your workers. Take JSON alone, or give the guard a BROKER_URL of its own"
        found.append(Error(text, id="deepfake_guard.E008"))
    return found


def check_storage(**_: Any) -> list[CheckMessage]:
    if "media" not in settings.STORAGES:
        text = 'STORAGES has no "media": where the guard keeps what it screens, outside everything that is served'
        return [Error(text, id="deepfake_guard.E009")]
    try:
        storage = storages["media"]
    except InvalidStorageError as error:
        return [Error(f'STORAGES["media"]: {error}', id="deepfake_guard.E013")]
    if _is_served(storage):
        text = (
            'STORAGES["media"] is the default storage, lies under MEDIA_ROOT or has a base_url: what is screened must '
        )
        text += "not be served"
        return [checks.Warning(text, id="deepfake_guard.W002")]
    return []


def _is_served(storage: Storage) -> bool:
    if settings.STORAGES["media"] == settings.STORAGES.get("default"):
        return True
    if not isinstance(storage, FileSystemStorage):
        return False  # who may read a bucket, its owner knows
    served = settings.MEDIA_ROOT
    under = bool(served) and Path(storage.location).resolve().is_relative_to(Path(served).resolve())
    return under or bool(storage.__dict__.get("_base_url"))


def check_registered(**_: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    here = router.db_for_write(apps.get_model("deepfake_guard", "HostedImage"))
    for model in apps.get_models():
        for each in [each for each in registry.of(model) if each.model == model._meta.label_lower]:
            if {router.db_for_write(model), here} != {DEFAULT_DB_ALIAS}:
                text = f"{each}: the model and the guard's tables must lie in the default database"
                found.append(Error(text, id="deepfake_guard.E010"))
            if isinstance(each.on_flag, str) and not _can_be_imported(each.on_flag):
                text = f"{each}: on_flag names {each.on_flag!r}, which is not there"
                found.append(Error(text, id="deepfake_guard.E011"))
    return found


def check_imports(**_: Any) -> list[CheckMessage]:
    """The storage's import string is looked at with the storage."""
    try:
        values = conf()
    except ImproperlyConfigured:
        return []  # E001 says it
    wrong = []
    if values.AUTHORISER and not _can_be_imported(values.AUTHORISER):
        wrong.append(f"AUTHORISER names {values.AUTHORISER!r}, which is no function that can be imported")
    if values.DETECTOR and not _module_is_there(values.DETECTOR):
        wrong.append(f"DETECTOR names {values.DETECTOR!r}, and there is no such module")
    return [Error(f"DEEPFAKE_GUARD: {text}", id="deepfake_guard.E013") for text in wrong]


def _module_is_there(path: str) -> bool:
    """Without importing it: that may load torch, which is for workers alone."""
    try:
        return "." in path and find_spec(path.rpartition(".")[0]) is not None
    except ModuleNotFoundError:
        return False


def _can_be_imported(path: str) -> bool:
    try:
        return callable(import_string(path))
    except ImportError:
        return False


def check_names(**_: Any) -> list[CheckMessage]:
    return [
        Error(
            f"another package named {name!r} lies in {place}: in some processes it would be imported instead of the "
            "guard's. Rename it, or keep it off the path",
            id="deepfake_guard.E012",
        )
        for name, place in _namesakes()
    ]


def _namesakes() -> Iterator[tuple[str, Path]]:
    """Wherever it stands on the path: manage.py, a web server and Celery each put another folder first."""
    for place in dict.fromkeys(Path(entry or ".").resolve() for entry in sys.path):
        if place == HOME:
            continue
        for name in PACKAGES:
            if (place / name / "__init__.py").is_file() or (place / f"{name}.py").is_file():
                yield name, place


def check_weights(**_: Any) -> list[CheckMessage]:
    """A warning: weights are needed where scans run, which may be elsewhere."""
    try:
        folder = artefact()
        manifest.read(folder)
    except ImproperlyConfigured:
        return []  # E001 says it
    except (manifest.ArtefactError, OSError) as error:
        text = f"no weights here: {error}. Set ARTEFACT right, or take no notice where no scan worker runs"
        return [checks.Warning(text, id="deepfake_guard.W003")]
    return []


def artefact() -> Path:
    """Where the weights lie that are in force here."""
    return manifest.located(conf().ARTEFACT)


def _of_weights() -> str:
    """What must be known of them before they screen for people; empty: nothing."""
    try:
        passport = manifest.read(artefact())
    except (manifest.ArtefactError, OSError):
        return ""  # W003 says it
    said = []
    if passport.starter:
        said.append(f"starter weights screen here (docs/own-photos.md). {passport.notes}")
    if passport.terms == manifest.RESEARCH:
        said.append("The weights, and what is made from them, are for research and evaluation, not for commercial use.")
    return " ".join(said)


def check_production(**_: Any) -> list[CheckMessage]:
    """With `check --deploy` alone."""
    found: list[CheckMessage] = []
    try:
        values = conf()
    except ImproperlyConfigured:
        return []  # E001 says it
    if text := _of_weights():
        found.append(checks.Warning(text, id="deepfake_guard.W004"))
    weak = settings.SECRET_KEY.startswith("django-insecure-") or len(settings.SECRET_KEY) < SHORTEST_SECRET
    if weak and not (values.FERNET_KEYS and values.AUDIT_KEY):
        text = "SECRET_KEY is a default or short: webhook secrets and the audit trail hang on it. Draw a new one"
        found.append(checks.Warning(text, id="deepfake_guard.W005"))
    if settings.DEBUG:
        text = "DEBUG is on: error pages would show what people uploaded, and keys"
        found.append(checks.Warning(text, id="deepfake_guard.W006"))
    return found
