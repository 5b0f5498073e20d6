from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from celery import Celery
from django.conf import settings
from django.test import Client
from django.utils import timezone

from moderation import dispatch
from moderation.models import WorkerStatus


@pytest.fixture
def broken_broker(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    url = "redis+socket:///nowhere/broker.sock"
    monkeypatch.setattr(settings, "CELERY_BROKER_URL", url)
    monkeypatch.setenv("CELERY_BROKER_URL", url)
    make: Callable[[], Celery] = dispatch.make_app
    monkeypatch.setattr(dispatch, "app", make())
    dispatch._ring_connection.cache_clear()
    yield
    dispatch._ring_connection.cache_clear()


def test_it_is_live_without_the_database(client: Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}


@pytest.mark.django_db
def test_it_is_ready_with_a_database_and_reports_broker_and_workers(client: Client) -> None:
    now = timezone.now()
    WorkerStatus.objects.create(name="a", queue="scan", device="cpu", seen_at=now)
    WorkerStatus.objects.create(name="b", queue="scan", device="cuda:0", seen_at=now, warmed_at=now)
    WorkerStatus.objects.create(name="c", queue="scan", seen_at=now - timedelta(minutes=5), warmed_at=now)
    WorkerStatus.objects.create(name="d", queue="deliver", seen_at=now)
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {
        "database": True,
        "broker": True,
        "workers": [
            {"queue": "scan", "device": "cpu", "warm": False},
            {"queue": "scan", "device": "cuda:0", "warm": True},
            {"queue": "deliver", "device": "", "warm": True},
        ],
    }


@pytest.mark.django_db
@pytest.mark.usefixtures("broken_broker")
def test_it_stays_ready_when_the_broker_is_gone(client: Client) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["broker"]) == (200, False)
