"""A `deliver` worker that is told to end: what it is sending is finished, what it has not begun stays in the queue."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest
from django.conf import LazySettings

from moderation.models import WebhookDelivery
from moderation.safe_http import TOTAL_SECONDS
from moderation.services import webhooks
from moderation.vocabulary import DeliveryState
from tests import factories
from tests.moderation.receiver import Receiver, answering, receiving

from .conftest import SCREEN_SECONDS, Fleet, Worker, wait_until

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]
AT_ONCE = 2  # sends of the worker under test
PROMPT_SECONDS = 5


class Slow:
    """Answers when it is let go."""

    def __init__(self, receiver: Receiver) -> None:
        self.receiver, self.go = receiver, threading.Event()
        receiver.answer = self.answer

    def answer(self, connection: BaseHTTPRequestHandler) -> None:
        self.go.wait(TOTAL_SECONDS)
        answering(200)(connection)


@pytest.fixture
def slow() -> Iterator[Slow]:
    with receiving() as receiver:
        slow = Slow(receiver)
        yield slow
        slow.go.set()


def deliver_worker(fleet: Fleet, receiver: Receiver) -> Worker:
    worker = fleet.worker("deliver", pool="threads", at_once=AT_ONCE, DEEPFAKE_GUARD_WEBHOOK_ALLOWED=receiver.entry)
    wait_until(lambda: "ready." in worker.said, SCREEN_SECONDS, f"worker, but:\n{worker.said}")
    return worker


def ended_after(worker: Worker) -> float:
    began = time.monotonic()
    worker.terminate()
    return time.monotonic() - began


def states() -> list[str]:
    return sorted(WebhookDelivery.objects.values_list("state", flat=True))


def test_it_ends_at_once_when_nothing_is_being_sent(fleet: Fleet, slow: Slow) -> None:
    worker = deliver_worker(fleet, slow.receiver)
    assert ended_after(worker) < PROMPT_SECONDS


def test_it_finishes_what_it_is_sending_and_leaves_the_rest_in_the_queue(
    fleet: Fleet, slow: Slow, settings: LazySettings
) -> None:
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "WEBHOOK_ALLOWED": [slow.receiver.entry]}
    platform = factories.make_platform()
    endpoint, _ = webhooks.add_endpoint(platform, slow.receiver.url, actor="test")
    worker = deliver_worker(fleet, slow.receiver)
    for _ in range(2 * AT_ONCE):
        webhooks.send_test(endpoint)
    wait_until(lambda: len(slow.receiver.requests) == AT_ONCE, SCREEN_SECONDS, f"sends, but:\n{worker.said}")
    worker.process.send_signal(signal.SIGTERM)
    time.sleep(1)
    assert worker.process.poll() is None, "it waits for the answers"
    slow.go.set()
    assert ended_after(worker) < PROMPT_SECONDS
    assert len(slow.receiver.requests) == AT_ONCE
    assert states() == [DeliveryState.DELIVERED] * AT_ONCE + [DeliveryState.PENDING] * AT_ONCE

    deliver_worker(fleet, slow.receiver)
    webhooks.sweep()
    wait_until(lambda: set(states()) == {DeliveryState.DELIVERED}, SCREEN_SECONDS, "the rest")
    ids = [request.headers["webhook-id"] for request in slow.receiver.requests]
    assert len(ids) == len(set(ids)) == 2 * AT_ONCE
