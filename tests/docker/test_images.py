"""There is no Docker engine where these run: the files are read, and each entry point is started natively."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from billiard import pool
from cryptography.fernet import Fernet

import workers.celery_app  # noqa: F401  (which says how long a pool process waits)
from deepfake_guard.detector import faces
from deepfake_guard.run.place import free_port
from moderation import safe_get, safe_http
from moderation.api import waiting

DOCKER = Path(__file__).parents[2] / "docker"
ENTRYPOINT = DOCKER / "entrypoint"
COMPOSE: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())
GPU: dict[str, Any] = yaml.safe_load((DOCKER / "compose.gpu.yaml").read_text())
BUILT = {name: service for name, service in COMPOSE["services"].items() if "build" in service}


@contextmanager
def running(role: str, env: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    with log.open("wb") as out:
        started = subprocess.Popen(
            [str(ENTRYPOINT), role],
            env={**os.environ, "PATH": path, **env},
            cwd=DOCKER.parent,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        yield started
    finally:
        if started.poll() is None:
            os.killpg(started.pid, signal.SIGKILL)
        started.wait()


def wait_for(log: Path, wanted: str, started: subprocess.Popen[bytes], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while wanted not in log.read_text():
        assert started.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)


def wait_for_heartbeats(database: Path, processes: int, started: subprocess.Popen[bytes]) -> None:
    """Celery says "ready" before its pool processes are; told to stop in between it once hung."""
    deadline = time.monotonic() + 60
    with closing(sqlite3.connect(database)) as connection:
        while connection.execute("select count(*) from deepfake_guard_workerstatus").fetchone()[0] < processes:
            assert started.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)


def healthy(env: Mapping[str, str]) -> int:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    given = {**os.environ, "PATH": path, **env}
    return subprocess.run([str(ENTRYPOINT), "healthy"], env=given, capture_output=True, check=False).returncode


def wait_for_end(started: subprocess.Popen[bytes], log: Path) -> None:
    try:
        assert started.wait(30) == 0, log.read_text()
    except subprocess.TimeoutExpired:
        pytest.fail(f"still there 30 s after SIGTERM:\n{log.read_text()}")


def test_compose_names_targets_and_roles_that_exist() -> None:
    targets = set(re.findall(r"^FROM \S+ AS (\S+)$", (DOCKER / "Dockerfile").read_text(), re.MULTILINE))
    roles = set(re.findall(r"^([a-z]+)\)", ENTRYPOINT.read_text(), re.MULTILINE))
    assert {"web", "worker-cpu", "worker-gpu"} <= targets
    assert {service["build"]["target"] for service in BUILT.values()} <= targets
    asked = {service["healthcheck"]["test"][2] for service in BUILT.values() if "healthcheck" in service}
    assert {service["command"][0] for service in BUILT.values()} | asked == roles
    assert {name: service["build"]["target"] for name, service in GPU["services"].items()} == {"scan": "worker-gpu"}


def test_only_the_scan_worker_gets_an_image_with_torch() -> None:
    with_torch = {name for name, service in BUILT.items() if service["build"]["target"] != "web"}
    assert with_torch == {"scan"}


@pytest.mark.parametrize(
    ("part", "longest"),
    [("web", waiting.LONGEST_SECONDS), ("deliver", safe_http.TOTAL_SECONDS), ("fetch", safe_get.TOTAL_SECONDS)],
)
def test_compose_lets_a_part_end_what_it_has_in_hand(part: str, longest: float) -> None:
    assert float(BUILT[part]["stop_grace_period"].removesuffix("s")) > longest


@pytest.mark.parametrize("part", ["scan", "upkeep"])
def test_a_pool_process_that_waits_for_a_receipt_ends_before_compose_kills_it(part: str) -> None:
    """The receipt of a task that arrived as the worker stopped never comes."""
    longest = pool.GUARANTEE_MESSAGE_CONSUMPTION_RETRY_LIMIT * pool.GUARANTEE_MESSAGE_CONSUMPTION_RETRY_INTERVAL
    assert longest < float(BUILT[part].get("stop_grace_period", "10s").removesuffix("s")) / 2


def test_compose_has_no_secret_of_its_own() -> None:
    text = (DOCKER / "compose.yaml").read_text()
    assert "${SECRET_KEY:?" in text
    assert "${POSTGRES_PASSWORD:?" in text


def test_every_setting_reaches_every_part() -> None:
    """Those of the environment win over the file, so only what the compose file alone can know stands there."""
    for service in BUILT.values():
        assert service["env_file"] == [{"path": ".env", "required": False}]
        assert set(service["environment"]) == {"SECRET_KEY", "DATABASE_URL", "CELERY_BROKER_URL"}


def test_the_example_names_variables_that_exist() -> None:
    named = set(re.findall(r"^#?([A-Z_]+)=", (DOCKER / "env.example").read_text(), re.MULTILINE))
    documented = set(re.findall(r"`([A-Z_]+)`", (DOCKER.parent / "docs/settings.md").read_text()))
    assert named - {"COMPOSE_FILE", "COMPOSE_PROFILES"} <= documented


def test_the_lines_of_the_page_make_the_secrets(tmp_path: Path) -> None:
    page = (DOCKER.parent / "docs/docker.md").read_text()
    [lines] = re.findall(r"```sh\ncd docker\n(.+?)docker compose", page, re.DOTALL)
    (tmp_path / "env.example").touch()
    subprocess.run(["sh", "-euc", lines], cwd=tmp_path, check=True)
    made = dict(line.split("=", 1) for line in (tmp_path / ".env").read_text().splitlines())
    assert (tmp_path / ".env").stat().st_mode & 0o077 == 0
    assert Fernet(made.pop("DEEPFAKE_GUARD_FERNET_KEYS"))
    assert set(made) == {"SECRET_KEY", "POSTGRES_PASSWORD", "DEEPFAKE_GUARD_AUDIT_KEY"}
    assert min(map(len, made.values())) >= 32


def test_worker_images_bring_the_face_finder_that_is_pinned() -> None:
    text = (DOCKER / "Dockerfile").read_text()
    [(sha256, target)] = re.findall(r"^ADD --checksum=sha256:(\w+) .*\n +\$\{YUNET_URL\} (\S+)$", text, re.MULTILINE)
    assert (sha256, Path(target).name) == (faces.YUNET_SHA256, faces.YUNET_FILE)
    assert f"ARG YUNET_URL={faces.YUNET_URL}\n" in text
    assert f"ENV DEEPFAKE_GUARD_FACES={Path(target).parent}\n" in text


def test_any_other_command_is_run_as_it_stands() -> None:
    said = subprocess.run([str(ENTRYPOINT), "echo", "a b"], capture_output=True, text=True, check=True)
    assert said.stdout == "a b\n"


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {"VAR": str(tmp_path), "BEAT_SCHEDULE": str(tmp_path / "beat"), "DATABASE_URL": ""}


@pytest.mark.journey
def test_migrate_then_web_answers_and_ends_on_sigterm(env: dict[str, str], tmp_path: Path) -> None:
    log, port = tmp_path / "log", free_port(18000)
    with running("migrate", env, log) as migrate:
        assert migrate.wait(60) == 0, log.read_text()
    env |= {"BIND": f"127.0.0.1:{port}", "WEB_WORKERS": "1", "ALLOWED_HOSTS": "guard.example.org,127.0.0.1"}
    assert healthy(env) != 0
    with running("web", env, log) as web:
        wait_for(log, "startup complete", web)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=10) as answer:
            assert answer.status == 200
        assert healthy(env) == 0
        web.terminate()
        wait_for_end(web, log)


@pytest.mark.journey
@pytest.mark.parametrize(("role", "processes"), [("scan", 1), ("deliver", 1), ("upkeep", 2), ("fetch", 1), ("beat", 0)])
def test_each_part_starts_and_ends_on_sigterm(env: dict[str, str], tmp_path: Path, role: str, processes: int) -> None:
    log = tmp_path / "log"
    with running("migrate", env, log) as migrate:
        assert migrate.wait(60) == 0, log.read_text()
    with running(role, env, log) as worker:
        wait_for(log, "ready" if processes else "beat: Starting", worker)
        wait_for_heartbeats(tmp_path / "guard.sqlite3", processes, worker)
        worker.terminate()
        wait_for_end(worker, log)
