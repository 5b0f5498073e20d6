from __future__ import annotations

import json
import socket
import uuid
from collections.abc import Callable, Iterator
from typing import cast

import pytest
import redis
from celery import Celery
from django.conf import LazySettings, settings

from moderation import dispatch, telemetry


@pytest.fixture
def django_settings(settings: LazySettings) -> LazySettings:
    """The fixture by a name that does not hide the module's."""
    return settings


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


def test_a_host_may_give_the_guard_a_broker_apart(
    django_settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CELERY_BROKER_URL", "amqp://the.hosts.own//")  # which Celery would obey
    django_settings.DEEPFAKE_GUARD = {"BROKER_URL": "redis://127.0.0.1:6399/4", "BROKER_KEY_PREFIX": ""}
    django_settings.CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 900, "global_keyprefix": "theirs-"}
    app = dispatch.make_app()
    for connection in (app.connection_for_write(), app.connection_for_read()):
        assert (connection.port, str(connection.virtual_host).strip("/")) == (6399, "4")
    assert app.conf.broker_transport_options == {"visibility_timeout": 900, "global_keyprefix": ""}


def test_in_a_host_the_guards_keys_are_told_apart_from_its_own(django_settings: LazySettings) -> None:
    django_settings.CELERY_BROKER_TRANSPORT_OPTIONS = {"global_keyprefix": "theirs-"}
    del django_settings.CELERY_KEY_PREFIX
    assert dispatch.make_app().conf.broker_transport_options["global_keyprefix"] == "deepfake-guard-"
