"""A real server as in production: gunicorn, uvicorn's workers, a database and a broker; no worker that screens."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deepfake_guard.run import programs

ROOT = Path(__file__).parents[3]
MAKE_KEY = """
import django; django.setup()
from moderation.services import keys, platforms
platform = platforms.create_platform("bench", actor="system")
print(keys.issue_key(platform, "bench", ["items:write", "items:read"], actor="system")[1])
"""


@dataclass(frozen=True)
class Server:
    port: int
    key: str
    workers: tuple[int, ...]

    def peak_mb(self) -> list[float]:
        """The most that each worker process has had in memory since `forget_peak`."""
        return [_status(pid)["VmHWM"] / 1024 for pid in self.workers]

    def forget_peak(self) -> None:
        for pid in self.workers:
            Path(f"/proc/{pid}/clear_refs").write_text("5")  # proc(5): resets VmHWM

    def threads(self) -> int:
        return sum(_status(pid)["Threads"] for pid in self.workers)


def _status(pid: int) -> dict[str, int]:
    """The numbers of /proc/PID/status, sizes in kB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    found = {name: value.split() for name, _, value in (line.partition(":") for line in lines)}
    return {name: int(words[0]) for name, words in found.items() if words and words[0].isdigit()}


@contextlib.contextmanager
def running(port: int, scratch: Path, workers: int = 2) -> Iterator[Server]:
    """DATABASE_URL and CELERY_BROKER_URL are the caller's; without the first it is SQLite under `scratch`."""
    environment = {
        **os.environ,
        "VAR": str(scratch),
        "SECRET_KEY": secrets.token_hex(32),
        "DJANGO_SETTINGS_MODULE": "tests.benchmarks.api.bare",
        "LOG_LEVEL": "ERROR",
        "DEEPFAKE_GUARD_CALLS_PER_MINUTE": "1000000",  # counted, never reached
        "DATABASE_POOL": os.environ.get("DATABASE_POOL") or programs.WEB_POOL,
        "PYTHONPATH": str(ROOT),
    }
    manage = [sys.executable, "-m", "django"]
    subprocess.run([*manage, "migrate", "--run-syncdb", "--no-input", "-v", "0"], env=environment, cwd=ROOT, check=True)
    subprocess.run([*manage, "collectstatic", "--no-input", "-v", "0"], env=environment, cwd=ROOT, check=True)
    made = [sys.executable, "-c", MAKE_KEY]
    key = subprocess.run(made, env=environment, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()
    options = ["-k", "uvicorn_worker.UvicornWorker", "-w", str(workers), "-b", f"127.0.0.1:{port}"]
    options += ["--log-level", "error", "--no-control-socket"]
    gunicorn = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "deepfake_guard.asgi:application", *options], env=environment, cwd=ROOT
    )
    try:
        _until_ready(port)
        children = Path(f"/proc/{gunicorn.pid}/task/{gunicorn.pid}/children").read_text().split()
        yield Server(port, key, tuple(map(int, children)))
    finally:
        gunicorn.send_signal(signal.SIGTERM)
        gunicorn.wait(30)


def _until_ready(port: int) -> None:
    for _ in range(300):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2) as answer:
                json.loads(answer.read() or b"null")
                return
        except (OSError, ValueError):
            time.sleep(0.1)
    raise RuntimeError("the server did not start")
