from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PRINT = "from django.conf import settings; print(settings.CELERY_BROKER_URL)"


def broker_seen_with(var: Path, **given: str) -> str:
    env = {"VAR": str(var), "SECRET_KEY": "x" * 40, "DJANGO_SETTINGS_MODULE": "deepfake_guard.settings", **given}
    done = subprocess.run([sys.executable, "-c", PRINT], env=env, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_owners_commands_find_the_broker_of_the_run_on_the_same_var(tmp_path: Path) -> None:
    (tmp_path / "broker").mkdir()
    (tmp_path / "broker" / "url").write_text("redis+socket:///here/valkey.sock")
    assert broker_seen_with(tmp_path) == "redis+socket:///here/valkey.sock"


@pytest.mark.parametrize("kept", ["", "redis+socket:///here/valkey.sock"])
def test_a_broker_that_is_named_comes_first(tmp_path: Path, kept: str) -> None:
    if kept:
        (tmp_path / "broker").mkdir()
        (tmp_path / "broker" / "url").write_text(kept)
    assert broker_seen_with(tmp_path, CELERY_BROKER_URL="redis://named:6379/3") == "redis://named:6379/3"
