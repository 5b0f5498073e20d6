from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import redis
from django.db import connection
from django.test import Client
from django.utils import timezone

from moderation import tally
from moderation.models import CallCount, DayCount
from moderation.services import limits
from tests import factories
from tests.moderation.api.conftest import Caller

NOBODY = "redis://127.0.0.1:1/0"


@pytest.fixture(params=["broker", "database"])
def counted_in(request: pytest.FixtureRequest, broker: redis.Redis, settings: Any) -> Iterator[str]:
    """Both places where calls are counted: the second one while the first does not answer."""
    tally._silent_until = 0.0
    if request.param == "database":
        settings.CELERY_BROKER_URL = NOBODY
    yield request.param
    tally._silent_until = 0.0


def allow(caller: Caller, calls: int | None) -> None:
    limits.set_limits(caller.platform, items_per_day=None, storage_bytes=None, calls_per_minute=calls, actor="system")


@pytest.mark.django_db(transaction=True)
def test_of_a_hundred_calls_at_once_exactly_as_many_pass_as_may(counted_in: str) -> None:
    platform = factories.make_platform()
    limits.set_limits(platform, items_per_day=None, storage_bytes=None, calls_per_minute=40, actor="system")
    _, secret = factories.make_key(platform)
    line = threading.Barrier(20)

    def call_five_times(_: int) -> list[int]:
        try:
            line.wait(30)
            client = Client(headers={"Authorization": f"Bearer {secret}"})
            return [client.get("/api/v1/items").status_code for _ in range(5)]
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        statuses = Counter(status for some in pool.map(call_five_times, range(20)) for status in some)
    assert statuses == {200: 40, 429: 60}
    assert DayCount.objects.get(platform=platform).limited == 60
    assert CallCount.objects.exists() is (counted_in == "database")


def test_it_says_what_is_left_and_when_to_come_again(caller: Caller, counted_in: str) -> None:
    allow(caller, 2)
    answers = [caller.get("/api/v1/items") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [answer.headers["RateLimit"] for answer in answers] == [f'"key";r={left};t=60' for left in (1, 0, 0)]
    assert {answer.headers["RateLimit-Policy"] for answer in answers} == {'"key";q=2;w=60'}
    refused = answers[2]
    assert (refused.json()["code"], refused.headers["Content-Type"]) == ("rate_limited", "application/problem+json")
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert "Retry-After" not in answers[1].headers


def test_a_window_that_is_over_lets_calls_pass_again(caller: Caller, broker: redis.Redis, settings: Any) -> None:
    settings.CELERY_BROKER_URL = NOBODY
    allow(caller, 1)
    assert [caller.get("/api/v1/items").status_code for _ in range(2)] == [200, 429]
    CallCount.objects.update(ends_at=timezone.now() - timedelta(seconds=1))
    assert [caller.get("/api/v1/items").status_code for _ in range(2)] == [200, 429]


def test_each_key_has_a_rate_of_its_own(caller: Caller, counted_in: str) -> None:
    allow(caller, 1)
    _, other = factories.make_key(caller.platform)
    assert [caller.get("/api/v1/items").status_code for _ in range(2)] == [200, 429]
    assert Client(headers={"Authorization": f"Bearer {other}"}).get("/api/v1/items").status_code == 200


def test_what_a_key_must_not_do_counts_too_and_strangers_are_not_counted(caller: Caller, counted_in: str) -> None:
    allow(caller, 2)
    assert caller.put("/api/v1/items").status_code == 405
    assert "RateLimit" not in Client().get("/api/v1/items").headers
    assert [caller.get("/api/v1/items").status_code for _ in range(2)] == [200, 429]


def test_without_a_limit_nothing_is_counted_or_said(caller: Caller, counted_in: str) -> None:
    allow(caller, 0)
    assert "RateLimit" not in caller.get("/api/v1/items").headers


def test_a_flood_of_refusals_is_counted_with_few_writes(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    allow(caller, 10)
    key, noted = caller.platform.keys.get(), []
    monkeypatch.setattr(limits, "_note_limited", lambda _platform, calls: noted.append(calls))
    key.platform.calls_per_minute = 10
    for number in range(1, 1011):
        monkeypatch.setattr(tally, "count", lambda _name, _window, number=number: (number, 30.0))
        limits.count_call(key)
    assert (sum(noted), len(noted)) == (1000, 109)
