"""Rings Celery by task name, with ids only, after commit. The row is the queue; a lost ring is found by a sweeper.

This Celery app is the guard's own (`set_as_current=False`): a host project's Celery is never touched.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache

import structlog
from celery import Celery
from celery.app import app_or_default
from django.conf import settings
from django.db import transaction
from kombu import Connection, Queue
from kombu.exceptions import LimitExceeded
from kombu.exceptions import OperationalError as BrokerError
from kombu.pools import producers
from redis.exceptions import RedisError

from moderation.conf import HARD_LIMIT_SECONDS, VISIBILITY_SECONDS, broker_url, key_prefix
from moderation.telemetry import count

SCAN_QUEUE, VIEWS_QUEUE, DELIVER_QUEUE, UPKEEP_QUEUE = "scan", "views", "deliver", "upkeep"
FETCH_QUEUE = "fetch"  # of a worker of its own: a slow address must hold up nothing else
SCAN_TASK = "deepfake_guard.scan"
VIEWS_TASK = "deepfake_guard.make_views"
FETCH_TASK = "deepfake_guard.fetch"
DELIVER_TASK = "deepfake_guard.deliver"
SETTLE_TASK = "deepfake_guard.settle"

# A ring is one try on short time-outs. Without max_retries kombu would reconnect for six seconds inside the request.
RING_OPTIONS = {"socket_timeout": 0.2, "socket_connect_timeout": 0.2, "max_retries": 0}
RING_POOL_SECONDS = 0.2

log = structlog.get_logger(__name__)


def make_app() -> Celery:
    app = Celery("deepfake_guard", set_as_current=False)
    app.conf.update(
        broker_url=broker_url(),
        broker_connection_retry_on_startup=True,
        broker_transport_options={
            "visibility_timeout": VISIBILITY_SECONDS,
            **getattr(settings, "CELERY_BROKER_TRANSPORT_OPTIONS", {}),  # of a host's broker: sentinels, TLS
            "global_keyprefix": key_prefix(),
        },
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        task_acks_late=False,
        task_time_limit=HARD_LIMIT_SECONDS,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        task_queues=[Queue(name) for name in (SCAN_QUEUE, VIEWS_QUEUE, DELIVER_QUEUE, UPKEEP_QUEUE, FETCH_QUEUE)],
        task_default_queue=UPKEEP_QUEUE,
        task_routes={
            SCAN_TASK: {"queue": SCAN_QUEUE},
            VIEWS_TASK: {"queue": VIEWS_QUEUE},
            FETCH_TASK: {"queue": FETCH_QUEUE},
            DELIVER_TASK: {"queue": DELIVER_QUEUE},
        },
        timezone="UTC",
    )
    if own := getattr(settings, "DEEPFAKE_GUARD", {}).get("BROKER_URL"):
        # Celery reads the variable CELERY_BROKER_URL first, which in a host is the host's own broker
        app.conf.update(broker_read_url=own, broker_write_url=own)
    return app


app = make_app()


site_app: Celery | None = None  # of the project that the guard lives in, where that has one; a worker says so


@contextmanager
def as_the_site() -> Iterator[None]:
    """In a worker Celery makes our app the current one; what a site's handlers send belongs into the site's queues."""
    if site_app is None:
        yield
        return
    ours = app_or_default()
    site_app.set_current()
    try:
        yield
    finally:
        ours.set_current()


def ring_scan(scan_id: uuid.UUID) -> None:
    transaction.on_commit(lambda: _ring(SCAN_TASK, scan_id))


def ring_views(case_number: int) -> None:
    transaction.on_commit(lambda: _ring(VIEWS_TASK, case_number))


def ring_delivery(delivery_id: uuid.UUID, at: datetime | None = None) -> None:
    transaction.on_commit(lambda: _ring(DELIVER_TASK, delivery_id, eta=at))


def ring_fetch(fetch_id: uuid.UUID) -> None:
    transaction.on_commit(lambda: _ring(FETCH_TASK, fetch_id))


def ring_settle(decision_id: uuid.UUID, at: datetime) -> None:
    transaction.on_commit(lambda: _ring(SETTLE_TASK, decision_id, eta=at))


def depth(queue: str) -> int:
    """Messages that wait in a queue; 0 where the broker cannot say."""
    try:
        with producers[_ring_connection()].acquire(block=True, timeout=RING_POOL_SECONDS) as producer:
            return int(producer.connection.default_channel.queue_declare(queue).message_count)
    except (BrokerError, RedisError, LimitExceeded, OSError) as error:
        log.warning("depth_unknown", queue=queue, error=str(error))
        return 0


@cache
def _ring_connection() -> Connection:
    return app.connection_for_write(transport_options=RING_OPTIONS)


def _ring(task: str, row_id: uuid.UUID | int, eta: datetime | None = None) -> None:
    """Never fails or delays the caller: one try, short socket time-outs, errors counted and logged."""
    try:
        with producers[_ring_connection()].acquire(block=True, timeout=RING_POOL_SECONDS) as producer:
            app.send_task(
                task,
                args=[row_id if isinstance(row_id, int) else str(row_id)],
                eta=eta,
                retry=False,
                ignore_result=True,
                producer=producer,
            )
    except (BrokerError, RedisError, LimitExceeded, OSError) as error:
        count("dispatch_failed", task=task)
        log.warning("dispatch_failed", task=task, row=str(row_id), error=str(error))


def broker_answers() -> bool:
    """Whether a message could be sent now; waits 0.2 s at most."""
    try:
        with producers[_ring_connection()].acquire(block=True, timeout=RING_POOL_SECONDS) as producer:
            producer.channel.client.ping()
    except (BrokerError, RedisError, LimitExceeded, OSError):
        return False
    return True
