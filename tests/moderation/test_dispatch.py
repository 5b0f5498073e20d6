from __future__ import annotations

import json
import socket
import uuid
from collections.abc import Callable, Iterator
from typing import cast

import pytest
import redis
from celery import Celery
from django.conf import settings

from moderation import dispatch, telemetry


@pytest.fixture
def broken_broker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Celery]]:
    def use(url: str) -> Celery:
        monkeypatch.setattr(settings, "CELERY_BROKER_URL", url)
        monkeypatch.setenv("CELERY_BROKER_URL", url)  # Celery looks there first
        app = dispatch.make_app()
        monkeypatch.setattr(dispatch, "app", app)
        dispatch._ring_connection.cache_clear()
        return app

    yield use
    dispatch._ring_connection.cache_clear()


@pytest.fixture
def silent_server() -> Iterator[int]:
    """Accepts connections and never answers."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


@pytest.mark.django_db(transaction=True)
def test_it_rings_the_scan_queue_with_the_id_alone(broker: redis.Redis) -> None:
    scan_id = uuid.uuid4()
    dispatch.ring_scan(scan_id)
    message = json.loads(cast("bytes", broker.lpop(f"{settings.CELERY_KEY_PREFIX}scan")))
    assert message["headers"]["task"] == dispatch.SCAN_TASK
    assert message["headers"]["argsrepr"] == f"['{scan_id}']"


@pytest.mark.django_db(transaction=True)
def test_it_does_not_fail_when_the_broker_is_gone(broken_broker: Callable[[str], Celery]) -> None:
    broken_broker("redis+socket:///nowhere/broker.sock")
    before = telemetry.counters[("dispatch_failed", f"task={dispatch.SCAN_TASK}")]
    dispatch.ring_scan(uuid.uuid4())
    assert telemetry.counters[("dispatch_failed", f"task={dispatch.SCAN_TASK}")] == before + 1


@pytest.mark.django_db(transaction=True)
def test_it_gives_up_on_a_broker_that_never_answers(broken_broker: Callable[[str], Celery], silent_server: int) -> None:
    """One try on a short socket time-out: without it this test would hang until the suite's own limit."""
    broken_broker(f"redis://127.0.0.1:{silent_server}/0")
    before = telemetry.counters[("dispatch_failed", f"task={dispatch.DELIVER_TASK}")]
    dispatch.ring_delivery(uuid.uuid4())
    assert telemetry.counters[("dispatch_failed", f"task={dispatch.DELIVER_TASK}")] == before + 1
