"""What `guard_doctor` looks at. Needs neither torch nor OpenCV: what only a worker can know, the workers' rows say."""

from __future__ import annotations

from collections.abc import Iterator

from moderation.management.doctor import detection, flow, foundations, webhooks
from moderation.management.doctor.findings import FAIL, OK, WARN, Finding

__all__ = ["FAIL", "OK", "WARN", "Finding", "examine"]


def examine() -> Iterator[Finding]:
    """In the order in which things depend on each other: without settings or a database little else can be asked."""
    if (unusable := foundations.unusable_settings()) is not None:
        yield unusable
        return
    yield from foundations.settings()
    database = foundations.database()
    yield database
    yield foundations.broker()
    yield detection.weights()
    yield foundations.storage()
    yield foundations.disk()
    yield from flow.queues(database.state == OK)
    if database.state == OK:
        yield foundations.counted()
        yield foundations.files()
        yield flow.clock()
        yield flow.beat()
        yield flow.upkeep()
        yield flow.scans()
        yield detection.warm_up()
        yield detection.face_finder()
        yield detection.decoder()
        yield webhooks.secrets()
        yield webhooks.endpoints()
        yield webhooks.deliveries()
        yield webhooks.allow_list()
