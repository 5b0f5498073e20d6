from __future__ import annotations

from collections.abc import Callable, Iterator

import hypothesis
import pytest
import redis
from django.conf import settings

from moderation import dispatch
from tests.chromium import browser as browser
from tests.wheel import wheel as wheel

# How long an example takes says more about the machine's other work than about the code: no time limit on one.
hypothesis.settings.register_profile("busy", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("busy")


def pytest_configure() -> None:
    settings.PASSWORD_HASHERS = ["tests.hashing.QuickHasher"]


@pytest.fixture
def say(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Prints a line when the run ends, parallel or not: what was measured and is not promised."""
    return lambda line: record_property("said", line)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for report in terminalreporter.stats.get("passed", []):
        for name, line in report.user_properties:
            if name == "said":
                terminalreporter.write_line(line)


@pytest.fixture
def broker() -> Iterator[redis.Redis]:
    """The real broker as a plain client (its keys: `settings.CELERY_KEY_PREFIX` + queue), emptied before and after."""
    with dispatch.app.connection_for_write() as connection:
        pool = connection.default_channel.client.connection_pool  # type: ignore[attr-defined]
        client = redis.Redis(connection_pool=pool)
        empty(client)
        yield client
        empty(client)


def empty(client: redis.Redis) -> None:
    for key in client.scan_iter(f"{settings.CELERY_KEY_PREFIX}*"):
        client.delete(key)
