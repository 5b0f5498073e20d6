"""What the project around the guard gets wrong is named by an id, and its own settings are in order."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.checks import run_checks
from django.db import DEFAULT_DB_ALIAS, connection
from django.db.backends.sqlite3.base import DatabaseWrapper

from deepfake_guard.detector import manifest
from moderation import registry, site_checks
from moderation.registry import Registered

FOLDER = "django.core.files.storage.FileSystemStorage"


def ids(check: Any) -> list[str | None]:
    return [message.id for message in check()]


def test_the_projects_own_settings_are_in_order() -> None:
    for check in (
        site_checks.check_database,
        site_checks.check_broker,
        site_checks.check_storage,
        site_checks.check_registered,
        site_checks.check_names,
        site_checks.check_weights,
    ):
        assert ids(check) == []


def test_a_database_that_knows_no_partial_indexes(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = DatabaseWrapper({**connection.settings_dict, "OPTIONS": {}})
    monkeypatch.setattr(theirs, "vendor", "mysql")
    monkeypatch.setattr(site_checks, "connections", {DEFAULT_DB_ALIAS: theirs})
    assert ids(site_checks.check_database) == ["deepfake_guard.E015"]


def test_times_without_a_zone(settings: LazySettings) -> None:
    settings.USE_TZ = False
    assert ids(site_checks.check_database) == ["deepfake_guard.E016"]


@pytest.mark.parametrize(("options", "named"), [({}, True), ({"transaction_mode": "immediate"}, False)])
def test_an_sqlite_that_locks_late(monkeypatch: pytest.MonkeyPatch, options: dict[str, str], named: bool) -> None:
    theirs = DatabaseWrapper({**connection.settings_dict, "OPTIONS": options})
    monkeypatch.setattr(site_checks, "connections", {DEFAULT_DB_ALIAS: theirs})
    assert ids(site_checks.check_database) == ["deepfake_guard.W008"] * named


def test_a_broker_that_keeps_no_counts(settings: LazySettings) -> None:
    settings.CELERY_BROKER_URL = "amqp://rabbit.mq:5672//"
    assert ids(site_checks.check_broker) == ["deepfake_guard.E017"]
    settings.DEEPFAKE_GUARD = {"BROKER_URL": "sentinel://a:26379;sentinel://b:26379"}
    assert ids(site_checks.check_broker) == []


def test_a_broker_that_hands_out_again_too_soon(settings: LazySettings) -> None:
    settings.CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 599}
    assert ids(site_checks.check_broker) == ["deepfake_guard.E007"]


@pytest.mark.parametrize("kind", ["pickle", "application/x-python-serialize"])
def test_pickle_on_the_broker_that_is_shared(settings: LazySettings, kind: str) -> None:
    settings.CELERY_ACCEPT_CONTENT = ["json", kind]
    assert ids(site_checks.check_broker) == ["deepfake_guard.E008"]
    settings.DEEPFAKE_GUARD = {"BROKER_URL": "redis://broker.apart:6379/0"}
    assert ids(site_checks.check_broker) == []


def test_a_storage_that_is_missing_or_served(settings: LazySettings, tmp_path: Path) -> None:
    kept = dict(settings.STORAGES)
    settings.STORAGES = {name: one for name, one in kept.items() if name != "media"}
    assert ids(site_checks.check_storage) == ["deepfake_guard.E009"]
    settings.MEDIA_ROOT = str(tmp_path)
    inside = {"location": str(tmp_path / "guard"), "base_url": None}
    for options in (inside, {"location": str(tmp_path.parent), "base_url": "/guard-media/"}):
        settings.STORAGES = {**kept, "media": {"BACKEND": FOLDER, "OPTIONS": options}}
        assert ids(site_checks.check_storage) == ["deepfake_guard.W002"]
    settings.STORAGES = {**kept, "default": kept["media"]}
    assert ids(site_checks.check_storage) == ["deepfake_guard.W002"]


def test_a_handler_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = Registered("deepfake_guard.mediaasset", "storage_name", on_flag="nowhere.at.all")
    monkeypatch.setattr(registry, "_registered", {("a", "b"): wrong})
    assert ids(site_checks.check_registered) == ["deepfake_guard.E011"]


class Elsewhere:
    def db_for_write(self, model: Any, **_: Any) -> str | None:
        return "elsewhere" if model.__name__ == "MediaAsset" else None


def test_a_model_in_another_database(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.DATABASE_ROUTERS = [Elsewhere()]
    monkeypatch.setattr(registry, "_registered", {("a", "b"): Registered("deepfake_guard.mediaasset", "storage_name")})
    assert ids(site_checks.check_registered) == ["deepfake_guard.E010"]


@pytest.mark.parametrize("name", ["moderation/__init__.py", "workers.py"])
def test_a_foreign_package_of_the_same_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])  # last: another process may put it first
    [message] = site_checks.check_names()
    assert (message.id, str(tmp_path) in message.msg) == ("deepfake_guard.E012", True)


def test_weights_that_are_missing(settings: LazySettings, tmp_path: Path) -> None:
    settings.DEEPFAKE_GUARD = {"ARTEFACT": str(tmp_path / "none")}
    assert ids(site_checks.check_weights) == ["deepfake_guard.W003"]


@pytest.mark.parametrize(("name", "research"), [("", True), ("permissive", False)])
def test_a_release_is_told_that_the_weights_are_starters_and_which_terms_go_along(
    settings: LazySettings, name: str, research: bool
) -> None:
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "ARTEFACT": name}
    [message] = [found for found in site_checks.check_production() if found.id == "deepfake_guard.W004"]
    assert ("research" in message.msg) is research
    assert manifest.read(manifest.located(name)).notes in message.msg


def test_a_release_is_told_of_the_terms_of_what_was_made_from_weights_for_research(
    settings: LazySettings, tmp_path: Path
) -> None:
    shipped = manifest.read(manifest.STARTER)
    manifest.write(tmp_path, replace(shipped, starter=False, derived_from=shipped.detector_id))
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "ARTEFACT": str(tmp_path)}
    [message] = [found for found in site_checks.check_production() if found.id == "deepfake_guard.W004"]
    assert message.msg.endswith("not for commercial use.")


def test_what_only_a_release_must_not_have(settings: LazySettings, tmp_path: Path) -> None:
    settings.DEEPFAKE_GUARD = {"ARTEFACT": str(tmp_path)}
    assert ids(site_checks.check_production) == []
    settings.DEEPFAKE_GUARD = {}
    settings.SECRET_KEY = "django-insecure-" + "x" * 40
    settings.DEBUG = True
    found = ids(site_checks.check_production)
    assert found == ["deepfake_guard.W004", "deepfake_guard.W005", "deepfake_guard.W006"]
    without = {message.id for message in run_checks()}
    assert without.isdisjoint(found)
    assert set(found) <= {message.id for message in run_checks(include_deployment_checks=True)}
