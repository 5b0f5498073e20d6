"""The folder `VAR`: its lock, its secrets, its free ports, and the two JSON files that `make run` writes there."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parent.parent.parent
PORTS_TRIED = 100


class StartRefused(Exception):
    """Why `make run` does not start, in a sentence for a person."""


@dataclass(frozen=True)
class Place:
    """Where one guard keeps what is its own."""

    var: Path

    @classmethod
    def from_environment(cls) -> Place:
        """`VAR`, else var/ in the checkout."""
        return cls(Path(os.environ.get("VAR") or ROOT / "var").resolve())

    @property
    def run_file(self) -> Path:
        """There while the guard answers: addresses and logins for people and scripts."""
        return self.var / "run.json"

    @property
    def demo_file(self) -> Path:
        """What the first start created; the passwords and the key stand nowhere else in the clear."""
        return self.var / "demo.json"

    @property
    def lock_file(self) -> Path:
        return self.var / "run.lock"

    def lock(self) -> IO[str]:
        """Holds the folder until the returned file is closed. Raises StartRefused beside a running guard."""
        self.var.mkdir(parents=True, exist_ok=True)
        held = self.lock_file.open("a+")
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held.close()
            url = read_json(self.run_file).get("url", "it is still starting")
            raise StartRefused(
                f"a guard is already running on {self.var} (process {self.running()}, {url}).\n"
                "Stop it with `make stop`, or start a second one beside it with VAR=another/folder."
            ) from None
        held.truncate(0)
        held.write(str(os.getpid()))
        held.flush()
        return held

    def running(self) -> int | None:
        """The supervisor's process id while one holds the lock, else None."""
        try:
            with self.lock_file.open("r+") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            return None
        except BlockingIOError:
            return int(self.lock_file.read_text() or 0) or None
        return None

    def secret_key(self) -> str:
        """Django's key: `SECRET_KEY`, else the one kept in VAR/secret.key (0600), made on the first start."""
        kept = self.var / "secret.key"
        if given := os.environ.get("SECRET_KEY"):
            return given
        if not kept.is_file():
            write_private(kept, secrets.token_urlsafe(48))
        return kept.read_text().strip()


def write_private(path: Path, text: str) -> None:
    """Replaces the file in one step, mode 0600 from the first byte."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    fresh.replace(path)


def write_json(path: Path, document: dict[str, Any]) -> None:
    write_private(path, json.dumps(document, indent=2) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """The object in the file; empty where there is none."""
    with contextlib.suppress(FileNotFoundError):
        document: dict[str, Any] = json.loads(path.read_text())
        return document
    return {}


def free_port(wanted: int) -> int:
    """`wanted`, or the next port on 127.0.0.1 that nobody listens on. Raises StartRefused after 100 taken ones."""
    for port in range(wanted, min(wanted + PORTS_TRIED, 65536)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port
    raise StartRefused(f"no port from {wanted} on is free; choose another with PORT=")
