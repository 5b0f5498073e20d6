from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings

from moderation import dispatch

numbers = itertools.count(1)


@pytest.fixture
def broker() -> Iterator[Any]:
    """The real broker, emptied of this run's keys afterwards: a redis client whose keys carry the run's prefix."""
    with dispatch.app.connection_for_write() as connection:
        client = connection.default_channel.client
        yield client
        for key in client.scan_iter(f"{settings.CELERY_KEY_PREFIX}*"):
            client.execute_command("DEL", key)
