"""What an owner's command takes from the `make run` on the same VAR."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

BROKER, ALLOWED = "settings.CELERY_BROKER_URL", "*settings.DEEPFAKE_GUARD['WEBHOOK_ALLOWED']"


def seen_with(var: Path, what: str, **given: str) -> str:
    env = {"VAR": str(var), "SECRET_KEY": "x" * 40, "DJANGO_SETTINGS_MODULE": "deepfake_guard.settings", **given}
    done = subprocess.run(
        [sys.executable, "-c", f"from django.conf import settings; print({what})"],
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_owners_commands_find_the_broker_of_the_run_on_the_same_var(tmp_path: Path) -> None:
    (tmp_path / "broker").mkdir()
    (tmp_path / "broker" / "url").write_text("redis+socket:///here/valkey.sock")
    assert seen_with(tmp_path, BROKER) == "redis+socket:///here/valkey.sock"


@pytest.mark.parametrize("kept", ["", "redis+socket:///here/valkey.sock"])
def test_a_broker_that_is_named_comes_first(tmp_path: Path, kept: str) -> None:
    if kept:
        (tmp_path / "broker").mkdir()
        (tmp_path / "broker" / "url").write_text(kept)
    assert seen_with(tmp_path, BROKER, CELERY_BROKER_URL="redis://named:6379/3") == "redis://named:6379/3"


@pytest.mark.parametrize("given", ["", "inside:8080", "127.0.0.1:8001"])
def test_owners_commands_may_call_the_receiver_of_the_run_as_its_workers_do(tmp_path: Path, given: str) -> None:
    (tmp_path / "run.json").write_text(json.dumps({"webhook_echo": "http://127.0.0.1:8001/"}))
    allowed = seen_with(tmp_path, ALLOWED, DEEPFAKE_GUARD_WEBHOOK_ALLOWED=given).split()
    assert sorted(allowed) == sorted({"127.0.0.1:8001", *([given] if given else [])})


def test_without_a_run_nothing_is_allowed_that_was_not_named(tmp_path: Path) -> None:
    assert seen_with(tmp_path, ALLOWED) == ""
