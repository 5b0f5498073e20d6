"""A dead or slow endpoint holds up nothing but itself."""

from __future__ import annotations

import json
import threading
import time
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
import redis
from django.conf import settings as django_settings
from django.db import connection
from django.utils import timezone

from moderation.models import WebhookDelivery, WebhookEndpoint
from moderation.services import webhooks
from moderation.services.webhooks import circuit, sending
from moderation.vocabulary import DeliveryState
from tests.moderation.hooks import add, deliver, due_now, emitted
from tests.moderation.receiver import Receiver, answering

pytestmark = pytest.mark.django_db


def broken(receiver: Receiver) -> WebhookEndpoint:
    """An endpoint that has just failed as often as opens its circuit."""
    endpoint, _ = add(receiver)
    receiver.answer = answering(500)
    for _ in range(circuit.BREAK_AFTER):
        assert deliver(emitted(endpoint)) is DeliveryState.PENDING
    WebhookDelivery.objects.update(state=DeliveryState.FAILED)
    endpoint.refresh_from_db()
    receiver.requests.clear()
    return endpoint


def pause_is_over(endpoint: WebhookEndpoint) -> None:
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(open_until=timezone.now() - timedelta(seconds=1))


def test_after_five_failures_in_a_row_nothing_is_sent_for_a_while(receiver: Receiver) -> None:
    endpoint = broken(receiver)
    assert endpoint.open_until is not None
    assert abs(endpoint.open_until - timezone.now() - timedelta(seconds=30)) < timedelta(seconds=10)
    waiting = emitted(endpoint)
    assert deliver(waiting) is None
    assert (waiting.attempts, receiver.requests) == (0, []), "waiting spends no attempt"
    assert webhooks.sweep() == 0


def test_a_success_between_failures_counts_anew(receiver: Receiver) -> None:
    endpoint, _ = add(receiver)
    for answer in (500, 500, 500, 500, 200, 500, 500, 500, 500):
        receiver.answer = answering(answer)
        assert deliver(emitted(endpoint)) is not None
    endpoint.refresh_from_db()
    assert (endpoint.failures, endpoint.open_until) == (4, None)


def test_half_open_lets_one_through_and_a_failure_opens_it_for_longer(receiver: Receiver) -> None:
    endpoint = broken(receiver)
    first, second = emitted(endpoint), emitted(endpoint)
    pause_is_over(endpoint)
    assert webhooks.sweep() == 1, "one probe"
    assert sending._claim(first.pk, first.pk) is not None
    assert deliver(second) is None, "while the probe is on its way"
    assert sending._record(WebhookDelivery.objects.get(pk=first.pk), first.pk, None, "silent") is not None
    endpoint.refresh_from_db()
    assert endpoint.open_until is not None
    assert abs(endpoint.open_until - timezone.now() - timedelta(seconds=60)) < timedelta(seconds=10)
    assert deliver(second) is None


def test_a_probe_that_succeeds_closes_it_and_everything_goes_on(receiver: Receiver) -> None:
    endpoint = broken(receiver)
    waiting = [emitted(endpoint) for _ in range(3)]
    pause_is_over(endpoint)
    receiver.answer = answering(200)
    assert [deliver(each) for each in waiting] == [DeliveryState.DELIVERED] * 3
    endpoint.refresh_from_db()
    assert (endpoint.failures, endpoint.open_until) == (0, None)


def test_a_pause_is_ten_minutes_at_most(receiver: Receiver) -> None:
    endpoint = broken(receiver)
    WebhookEndpoint.objects.update(failures=10_000)
    pause_is_over(endpoint)
    deliver(emitted(endpoint))
    endpoint.refresh_from_db()
    assert endpoint.open_until is not None
    assert endpoint.open_until - timezone.now() <= timedelta(minutes=10)


def test_what_waits_longer_than_the_whole_schedule_has_failed(receiver: Receiver) -> None:
    endpoint = broken(receiver)
    old, young = emitted(endpoint), emitted(endpoint)
    WebhookDelivery.objects.filter(pk=old.pk).update(started_at=timezone.now() - timedelta(hours=75, minutes=36))
    webhooks.sweep()
    old.refresh_from_db()
    young.refresh_from_db()
    assert (old.state, young.state) == (DeliveryState.FAILED, DeliveryState.PENDING)
    assert "whole schedule" in old.last_error


def test_a_test_and_a_replay_are_tried_at_once(receiver: Receiver) -> None:
    endpoint = broken(receiver)
    receiver.answer = answering(200)
    assert deliver(webhooks.send_test(endpoint).deliveries.get()) is DeliveryState.DELIVERED
    endpoint = broken(receiver)
    failed = WebhookDelivery.objects.filter(endpoint=endpoint, state=DeliveryState.FAILED)[0]
    assert webhooks.replay(failed, actor="system")
    receiver.answer = answering(200)
    assert deliver(failed) is DeliveryState.DELIVERED


def test_another_endpoint_of_the_platform_is_not_held_up(receiver: Receiver) -> None:
    endpoint = broken(receiver)
    other, _ = webhooks.add_endpoint(endpoint.platform, f"{receiver.url}/2", actor="system")
    receiver.answer = answering(200)
    assert deliver(emitted(other)) is DeliveryState.DELIVERED


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("failures", "most"), [(0, circuit.AT_ONCE), (1, 1)])
def test_one_endpoint_never_holds_more_than_its_share_of_the_senders(
    receiver: Receiver, failures: int, most: int
) -> None:
    endpoint, _ = add(receiver)
    WebhookEndpoint.objects.update(failures=failures)
    waiting = [emitted(endpoint) for _ in range(10)]
    together, release, claimed = threading.Barrier(10), threading.Event(), []

    def hold(given: BaseHTTPRequestHandler) -> None:
        release.wait(20)
        answering(200)(given)

    def work(delivery: WebhookDelivery) -> None:
        together.wait()
        claimed.append(webhooks.deliver(delivery.pk))
        connection.close()

    receiver.answer = hold
    threads = [threading.Thread(target=work, args=[delivery]) for delivery in waiting]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 20
    while len(claimed) < len(waiting) - most and time.monotonic() < deadline:
        time.sleep(0.01)
    assert claimed == [None] * (len(waiting) - most)
    release.set()
    for thread in threads:
        thread.join()
    assert len(receiver.requests) == most


@pytest.mark.django_db(transaction=True)
def test_whoever_ends_rings_for_the_next_one(receiver: Receiver, broker: redis.Redis) -> None:
    endpoint, _ = add(receiver)
    first, second = emitted(endpoint), emitted(endpoint)
    queue = f"{django_settings.CELERY_KEY_PREFIX}deliver"
    broker.delete(queue)
    deliver(first)
    rung = [json.loads(message)["headers"]["argsrepr"] for message in broker.lrange(queue, 0, -1)]
    assert rung == [f"['{second.pk}']"]


@pytest.mark.django_db(transaction=True)
def test_a_long_queue_is_not_made_longer_by_those_who_work_it_off(receiver: Receiver, broker: redis.Redis) -> None:
    endpoint, _ = add(receiver)
    made = [emitted(endpoint) for _ in range(8)]
    queue = f"{django_settings.CELERY_KEY_PREFIX}deliver"
    broker.delete(queue)
    for delivery in made:
        deliver(delivery)
    assert broker.llen(queue) < len(made), "one for one, and none for the last"


@pytest.mark.django_db(transaction=True)
def test_when_an_endpoint_is_back_several_are_rung_for(receiver: Receiver, broker: redis.Redis) -> None:
    endpoint = broken(receiver)
    first, *_ = [emitted(endpoint) for _ in range(6)]
    pause_is_over(endpoint)
    queue = f"{django_settings.CELERY_KEY_PREFIX}deliver"
    broker.delete(queue)
    receiver.answer = answering(200)
    deliver(first)
    assert broker.llen(queue) == circuit.AT_ONCE


@pytest.mark.django_db(transaction=True)
def test_the_sweeper_rings_for_every_endpoint_and_not_only_for_the_fullest(
    receiver: Receiver, broker: redis.Redis, monkeypatch: Any
) -> None:
    full, _ = add(receiver)
    other, _ = add(receiver)
    for _ in range(20):
        emitted(full)
    alone = emitted(other)
    queue = f"{django_settings.CELERY_KEY_PREFIX}deliver"
    broker.delete(queue)
    assert webhooks.sweep() == circuit.AT_ONCE + 1
    rung = [json.loads(message)["headers"]["argsrepr"] for message in broker.lrange(queue, 0, -1)]
    assert f"['{alone.pk}']" in rung


@pytest.mark.django_db(transaction=True)
def test_nobody_is_rung_for_an_endpoint_that_does_not_answer(receiver: Receiver, broker: redis.Redis) -> None:
    endpoint = broken(receiver)
    queue = f"{django_settings.CELERY_KEY_PREFIX}deliver"
    broker.delete(queue)
    emitted(endpoint)
    assert broker.llen(queue) == 0


@pytest.mark.django_db(transaction=True)
def test_the_first_retry_is_rung_for_its_very_second(receiver: Receiver, broker: redis.Redis) -> None:
    endpoint, _ = add(receiver)
    receiver.answer = answering(500)
    delivery = emitted(endpoint)
    queue = f"{django_settings.CELERY_KEY_PREFIX}deliver"
    broker.delete(queue)
    deliver(delivery)
    [message] = [json.loads(message) for message in broker.lrange(queue, 0, -1)]
    assert message["headers"]["eta"] == delivery.next_attempt_at.isoformat()
    due_now(delivery)
    broker.delete(queue)
    deliver(delivery)
    assert broker.llen(queue) == 0, "the sweeper is in time for the others"
