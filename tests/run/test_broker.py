from __future__ import annotations

import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from deepfake_guard.run.broker import SOCKET_PATH_BYTES, Broker, embedded


@contextmanager
def serving(broker: Broker) -> Iterator[redis.Redis]:
    server = subprocess.Popen(broker.argv, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 10
        while not broker.answers():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        with redis.Redis.from_url(broker.redis_url) as client:
            yield client
    finally:
        server.terminate()
        assert server.wait(10) == 0


@pytest.fixture
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("b")
    if len(str(folder)) > SOCKET_PATH_BYTES - 30:
        pytest.skip(f"the temporary folder's path is too long for a socket: {folder}")
    return folder


def test_it_listens_only_on_a_private_socket(short: Path) -> None:
    broker = embedded(short / "broker")
    with serving(broker) as client:
        assert client.info("server")["tcp_port"] == 0
        socket = short / "broker" / "valkey.sock"
        assert stat.S_IMODE(socket.stat().st_mode) == 0o700
        assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
    assert broker.celery_url == f"redis+socket://{short}/broker/valkey.sock"


def test_what_was_queued_survives_a_restart(short: Path) -> None:
    with serving(embedded(short / "broker")) as client:
        client.rpush("scan", "message")
    with serving(embedded(short / "broker")) as client:
        assert client.llen("scan") == 1


def test_a_long_path_is_served_on_loopback_behind_a_password(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * SOCKET_PATH_BYTES) / "bro ker"
    broker = embedded(folder)
    with serving(broker) as client:
        assert client.ping()
        port = client.connection_pool.connection_kwargs["port"]
        with redis.Redis(port=port) as stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()
    assert stat.S_IMODE((folder / "valkey.conf").stat().st_mode) == 0o600
    assert broker.celery_url.startswith("redis://:")
