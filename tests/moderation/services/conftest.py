from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.moderation.hooks import configure
from tests.moderation.receiver import Receiver, receiving


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    """Allow-listed, so that an endpoint can be added for it."""
    with receiving() as receiver:
        configure(settings, WEBHOOK_ALLOWED=[receiver.entry])
        yield receiver
