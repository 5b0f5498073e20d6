from __future__ import annotations

import json
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from deepfake_guard.run import programs
from deepfake_guard.run.launch import Ports
from deepfake_guard.run.place import Place, StartRefused, free_port, write_json
from deepfake_guard.run.summary import summary

ROOT = Path(__file__).parents[2]
RUN = {
    "url": "http://127.0.0.1:8000",
    "api_key": "dg_key",
    "moderator": {"username": "m", "password": "p1"},
    "admin": {"username": "a", "password": "p2"},
    "webhook_echo": "http://127.0.0.1:8001/",
}


def run_command(what: str, var: Path, typed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "deepfake_guard.run", what],
        input=typed,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        cwd=ROOT,
        env={"VAR": str(var), "PATH": "/usr/bin:/bin"},
    )


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_start_beside_a_running_guard_is_refused_by_name(tmp_path: Path) -> None:
    place = Place(tmp_path)
    with place.lock():
        write_json(place.run_file, RUN)
        refused = run_command("start", tmp_path)
    assert refused.returncode == 1
    assert "already running" in refused.stdout
    assert "http://127.0.0.1:8000" in refused.stdout
    assert "make stop" in refused.stdout


def test_the_folder_is_free_again_once_its_guard_is_gone(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.lock().close()
    assert place.running() is None
    place.lock().close()


def test_a_taken_port_moves_to_the_next_free_one_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setenv("PORT", str(port))
        remarks: list[str] = []
        ports = Ports.find(remarks)
        assert ports.web > port
        assert ports.echo > ports.web
    assert remarks == [f"port {port} is taken; using {ports.web}"]


def test_a_port_that_is_no_number_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "http")
    with pytest.raises(StartRefused, match="PORT must be a number"):
        Ports.find([])


def test_no_free_port_is_a_refusal() -> None:
    with pytest.raises(StartRefused, match="PORT="):
        free_port(65536)


def test_secrets_are_private_and_survive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SECRET_KEY")
    place = Place(tmp_path)
    key = place.secret_key()
    assert len(key) >= 50
    assert place.secret_key() == key
    assert mode(tmp_path / "secret.key") == 0o600
    write_json(place.run_file, RUN)
    assert mode(place.run_file) == 0o600
    assert json.loads(place.run_file.read_text()) == RUN


def test_the_callers_environment_wins_and_the_echo_is_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_FORMAT", "json")
    monkeypatch.setenv("DATABASE_URL", "postgres://somewhere/guard")
    monkeypatch.setenv("DEEPFAKE_GUARD_WEBHOOK_ALLOWED", "10.0.0.7:443")
    env = programs.environment(Place(tmp_path), "redis+socket:///x", echo_port=8001)
    assert env["LOG_FORMAT"] == "json"
    assert env["DATABASE_URL"] == "postgres://somewhere/guard"
    assert env["DEEPFAKE_GUARD_WEBHOOK_ALLOWED"] == "10.0.0.7:443,127.0.0.1:8001"
    assert env["VAR"] == str(tmp_path)


def test_stop_says_when_nothing_runs(tmp_path: Path) -> None:
    stopped = run_command("stop", tmp_path)
    assert stopped.returncode == 0
    assert "nothing is running" in stopped.stdout


def test_reset_asks_first_and_deletes_only_what_is_its_own(tmp_path: Path) -> None:
    (tmp_path / "guard.sqlite3").write_text("rows")
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / "a").write_text("picture")
    (tmp_path / "letters.txt").write_text("mine")
    assert run_command("reset", tmp_path, "no\n").returncode == 1
    assert (tmp_path / "guard.sqlite3").exists()
    assert run_command("reset", tmp_path, "yes\n").returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["letters.txt"]


def test_reset_is_refused_while_the_guard_runs(tmp_path: Path) -> None:
    (tmp_path / "guard.sqlite3").write_text("rows")
    with Place(tmp_path).lock():
        assert run_command("reset", tmp_path, "yes\n").returncode == 1
    assert (tmp_path / "guard.sqlite3").exists()


@pytest.mark.parametrize("missing", [True, False])
def test_the_summary_shows_logins_key_and_the_missing_face_finder(missing: bool) -> None:
    text = summary(RUN, "a.jpg", missing)
    for shown in ("http://127.0.0.1:8000", "dg_key", "m / p1", "a / p2", "review_at 1.0", "-F file=@a.jpg"):
        assert shown in text
    assert ("faces install --download" in text) is missing
