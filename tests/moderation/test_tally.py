from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis

from moderation import tally


@pytest.fixture(autouse=True)
def heard_anew() -> Iterator[None]:
    tally._silent_until = 0.0
    yield
    tally._silent_until = 0.0


def test_of_a_hundred_at_once_each_gets_a_number_of_its_own(broker: redis.Redis) -> None:
    line = threading.Barrier(100)

    def one(_: int) -> int:
        line.wait(20)
        counted = tally.count("everyone", 60)
        assert counted is not None
        return counted[0]

    with ThreadPoolExecutor(100) as pool:
        assert sorted(pool.map(one, range(100))) == list(range(1, 101))


def test_a_window_ends_and_the_next_begins_at_one(broker: redis.Redis, settings: Any) -> None:
    assert [tally.count("a", 60), tally.count("a", 60)] == [(1, 60.0), (2, pytest.approx(60, abs=5))]
    assert broker.pexpire(f"{settings.CELERY_KEY_PREFIX}deepfake-guard:a", 0), "as if the minute were over"
    assert tally.count("a", 60) == (1, 60.0)


def test_names_are_counted_apart(broker: redis.Redis) -> None:
    assert [tally.count(name, 60) for name in ("a", "b")] == [(1, 60.0), (1, 60.0)]


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "memory://", "amqp://localhost//"])
def test_without_a_broker_that_can_count_it_says_so(settings: Any, url: str) -> None:
    settings.CELERY_BROKER_URL = url
    assert tally.count("a", 60) is None


def test_a_silent_broker_is_left_alone_for_a_while(broker: redis.Redis, settings: Any) -> None:
    there = settings.CELERY_BROKER_URL
    settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
    assert tally.count("a", 60) is None
    settings.CELERY_BROKER_URL = there
    assert tally.count("a", 60) is None
    tally._silent_until = 0.0
    assert tally.count("a", 60) == (1, 60.0)


def test_it_counts_in_a_project_that_names_its_broker_to_the_guard_alone(broker: redis.Redis, settings: Any) -> None:
    given = {"BROKER_URL": settings.CELERY_BROKER_URL, "BROKER_KEY_PREFIX": settings.CELERY_KEY_PREFIX}
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, **given}
    del settings.CELERY_BROKER_URL, settings.CELERY_KEY_PREFIX
    assert [tally.count("a", 60), tally.count("a", 60)] == [(1, 60.0), (2, pytest.approx(60, abs=5))]
