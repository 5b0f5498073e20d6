"""The command line through a running guard says what it says alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from moderation.vocabulary import Scope
from tests import factories

from . import pythons
from .conftest import ROOT, Fleet

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]


def score(path: Path, *options: str, key: str = "") -> Any:
    command = [sys.executable, "-m", "deepfake_guard.detector", "score", str(path), "--json", *options]
    environment = {**os.environ, "GUARD_API_KEY": key}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_it_runs_where_pip_installed_no_worker(live_server: Any, wheel: Path, tmp_path: Path) -> None:
    pythons.need_index()
    plain = pythons.Environment.installed(tmp_path / "venv", sys.executable, wheel)
    (tmp_path / "notes.jpg").write_text("no picture")
    key = factories.make_key(factories.make_platform(), (Scope.ITEMS_WRITE, Scope.ITEMS_READ))[1]
    command = [str(plain.python), "-I", "-m", "deepfake_guard.detector", "score", str(tmp_path / "notes.jpg"), "--json"]
    for options, wanted in ((["--server", live_server.url], "unsupported_type"), ([], "deepfake-guard[worker]")):
        done = subprocess.run(
            [*command, *options],
            cwd=tmp_path,
            env={**os.environ, "GUARD_API_KEY": key},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == 1
        assert wanted in done.stdout + done.stderr


def test_a_running_guard_and_the_command_line_alone_give_one_p_value(
    fleet: Fleet, live_server: Any, tmp_path: Path
) -> None:
    (tmp_path / "portrait.jpg").write_bytes(factories.portrait())
    key = factories.make_key(factories.make_platform(), (Scope.ITEMS_WRITE, Scope.ITEMS_READ))[1]
    fleet.worker().warm()
    there = score(tmp_path / "portrait.jpg", "--server", live_server.url, key=key)
    here = score(tmp_path / "portrait.jpg", "--device", "cpu")
    assert (there["status"], there["n"], there["p_value"]) == (here["status"], here["n"], here["p_value"])
    assert [face["bucket"] for face in there["faces"]] == [face["bucket"] for face in here["faces"]]
    assert there["verdict"]["faces_scored"] == 1
