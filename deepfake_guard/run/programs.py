"""What runs: the argument list of every process, and the environment they share."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from environs import Env

from deepfake_guard.run.place import ROOT, Place
from deepfake_guard.run.supervisor import Program

BROKER = "broker"
WEB_WORKERS = "2"
WEB_GRACE = "10"
WEB_POOL = "20"  # database connections of each web process, where the database is a server
ALLOWED = "DEEPFAKE_GUARD_WEBHOOK_ALLOWED"
FETCHES = "DEEPFAKE_GUARD_URL_SUBMISSIONS"


def environment(place: Place, broker_url: str, echo_port: int) -> dict[str, str]:
    """The caller's environment wins wherever it says something; an empty variable says nothing."""
    ours = {"SECRET_KEY": place.secret_key(), "CELERY_BROKER_URL": broker_url, "LOG_FORMAT": "console"}
    given = {name: value for name, value in os.environ.items() if value}
    allowed = [given.get(ALLOWED, ""), f"127.0.0.1:{echo_port}"]
    forced = {
        "VAR": str(place.var),
        "DJANGO_SETTINGS_MODULE": "deepfake_guard.settings",
        "PYTHONUNBUFFERED": "1",
        ALLOWED: ",".join(entry for entry in allowed if entry),
    }
    return {**ours, **given, **forced}


def manage(name: str, *arguments: str) -> Program:
    return Program(name, [sys.executable, str(ROOT / "manage.py"), *arguments])


def web(port: int) -> Program:
    """gunicorn with uvicorn's workers; on macOS, where its forking is fragile, uvicorn alone."""
    application = "deepfake_guard.asgi:application"
    pool = {"DATABASE_POOL": os.environ.get("DATABASE_POOL") or WEB_POOL}
    trusted = os.environ.get("FORWARDED_ALLOW_IPS", "")  # else any local client could name its own address
    if sys.platform == "darwin":
        options = [
            "--port",
            str(port),
            "--no-access-log",
            "--forwarded-allow-ips",
            trusted,
            "--timeout-graceful-shutdown",
            WEB_GRACE,
        ]
        return Program("web", [sys.executable, "-m", "uvicorn", application, *options], pool)
    options = ["-k", "uvicorn_worker.UvicornWorker", "-w", WEB_WORKERS, "-b", f"127.0.0.1:{port}"]
    options += ["--graceful-timeout", WEB_GRACE, "--log-level", "warning"]
    options += ["--forwarded-allow-ips", trusted, "--no-control-socket"]  # it would lie in the home folder
    return Program("web", [sys.executable, "-m", "gunicorn", application, *options], pool)


def celery(name: str, *arguments: str, log_level: str = "INFO") -> Program:
    argv = [sys.executable, "-m", "celery", "--quiet", "-A", "workers.celery_app", *arguments]
    return Program(name, argv, {"LOG_LEVEL": log_level})


def workers(var: Path) -> list[Program]:
    (var / "beat").mkdir(exist_ok=True)  # its file is one or three, as the system's dbm has it
    quiet = ["--without-gossip", "--without-mingle"]
    scan = ["worker", "-Q", "scan,views", "-P", "prefork", "-c", "1", "-O", "fair", "-n", "scan@%h", *quiet]
    deliver = ["worker", "-Q", "deliver", "-P", "threads", "-c", "16", "-n", "deliver@%h", *quiet]
    upkeep = ["worker", "-Q", "upkeep", "-P", "prefork", "-c", "2", "-n", "upkeep@%h", *quiet]
    beat = ["beat", "-s", str(var / "beat" / "schedule"), "--pidfile="]  # the lock on VAR already allows only one
    # only where it has something to do; a slow address must hold up no other work
    fetches = bool(os.environ.get(FETCHES)) and Env().bool(FETCHES)  # as the settings read it
    fetch = ["worker", "-Q", "fetch", "-P", "threads", "-c", "8", "-n", "fetch@%h", *quiet]
    return [
        *([celery("fetch", *fetch)] if fetches else []),
        celery("deliver", *deliver),
        celery("upkeep", *upkeep),
        celery("beat", *beat, log_level="WARNING"),  # else it would write a line for every ring, every two seconds
        celery("scan", *scan),
    ]


def echo(port: int, secret_file: Path) -> Program:
    script = ROOT / "docs" / "examples" / "echo" / "echo.py"
    return Program("echo", [sys.executable, str(script), "--port", str(port), "--secret-file", str(secret_file)])


def demo_pictures(folder: Path) -> Program:
    return Program("demo", [sys.executable, str(ROOT / "docs" / "examples" / "demo" / "pictures.py"), str(folder)])


def face_finder() -> Program:
    return Program("faces", [sys.executable, "-m", "deepfake_guard.detector", "faces", "install", "--download"])
