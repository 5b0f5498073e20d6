"""Real worker processes on the test's own database, broker and media folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit, urlunsplit

import psutil
import pytest
import redis
from django.conf import settings
from django.db import connection
from django.utils import timezone

from moderation.models import WorkerStatus

ROOT = Path(__file__).parents[2]
WARM_SECONDS, SCREEN_SECONDS, STOP_SECONDS = 120, 90, 60


def wait_until(there: Callable[[], Any], seconds: float, what: str) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := there():
            return found
        time.sleep(0.05)
    raise AssertionError(f"no {what} after {seconds} s")


def environment(**given: str) -> dict[str, str]:
    """What leads a process to the database under test, which has another name than the settings say."""
    name = str(connection.settings_dict["NAME"])
    env = {**os.environ, "PYTHONUNBUFFERED": "1", "LOG_LEVEL": "INFO", **given}
    if connection.vendor == "sqlite":
        usual = Path(os.environ["VAR"]) / "guard.sqlite3"
        usual.unlink(missing_ok=True)
        usual.symlink_to(name)  # SQLite follows it, so that the settings of the file stay those of the project
    else:
        url = urlsplit(os.environ["DATABASE_URL"])
        env["DATABASE_URL"] = urlunsplit(url._replace(path=f"/{name}"))
    return env


class Worker:
    """A Celery process in a session of its own; `said` is what it logged."""

    def __init__(self, code: str, env: dict[str, str], log: IO[bytes]) -> None:
        self.log = log
        self.process = subprocess.Popen(
            [sys.executable, "-c", code], cwd=ROOT, env=env, stdout=log, stderr=log, start_new_session=True
        )

    @property
    def said(self) -> str:
        return Path(self.log.name).read_text(errors="replace")

    def pool_processes(self) -> list[psutil.Process]:
        return [child for child in psutil.Process(self.process.pid).children() if "child.py" not in child.cmdline()]

    def warm(self) -> Worker:
        def ready() -> bool:
            assert self.process.poll() is None, self.said
            return WorkerStatus.objects.filter(warmed_at__isnull=False, seen_at__gte=self.began).exists()

        self.began = timezone.now()
        wait_until(ready, WARM_SECONDS, f"warm worker, but:\n{self.said}")
        return self

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(STOP_SECONDS)

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Fleet:
    """Everything that a test starts."""

    def __init__(self) -> None:
        self.started: list[Worker] = []

    def worker(
        self, queues: str = "scan", setup: str = "", pool: str = "prefork", at_once: int = 1, **env: str
    ) -> Worker:
        options = ["-Q", queues, "-P", pool, "-c", str(at_once), "-O", "fair", "--without-mingle", "--without-gossip"]
        return self._start(["worker", *options], setup, env)

    def beat(self) -> Worker:
        return self._start(["beat", "--pidfile="], "", {})

    def _start(self, arguments: list[str], setup: str, env: dict[str, str]) -> Worker:
        code = f"from workers.celery_app import app\n{setup}\napp.start({arguments!r})"
        log = tempfile.NamedTemporaryFile(dir=os.environ["VAR"], prefix="worker-", suffix=".log")  # noqa: SIM115
        self.started.append(Worker(code, environment(**env), log))
        return self.started[-1]


@pytest.fixture
def fleet(broker: redis.Redis, transactional_db: None) -> Iterator[Fleet]:
    """Real processes on the test's own database, broker and media; what still runs at the end is killed."""
    fleet = Fleet()
    yield fleet
    for worker in fleet.started:
        if worker.process.poll() is None:
            worker.kill()


def empty_broker(broker: redis.Redis) -> None:
    for key in broker.scan_iter(f"{settings.CELERY_KEY_PREFIX}*"):
        broker.delete(key)
