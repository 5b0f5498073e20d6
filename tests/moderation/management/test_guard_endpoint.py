from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from standardwebhooks import Webhook

from moderation.models import WebhookDelivery, WebhookEndpoint
from moderation.services import webhooks
from moderation.vocabulary import DeliveryState, EventType
from tests import factories
from tests.moderation.receiver import Receiver, answering, receiving

pytestmark = pytest.mark.django_db


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    with receiving() as receiver:
        settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "WEBHOOK_ALLOWED": [receiver.entry]}
        yield receiver


@pytest.fixture
def worker(broker: object) -> Iterator[None]:
    """Delivers what waits, as the `deliver` worker does, on a connection of its own."""
    over = threading.Event()

    def work() -> None:
        while not over.wait(0.05):
            for waiting in WebhookDelivery.objects.filter(attempts=0).values_list("pk", flat=True):
                webhooks.deliver(waiting)
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    yield
    over.set()
    thread.join()


def command(*arguments: str) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command("guard_endpoint", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


@pytest.mark.django_db(transaction=True)
def test_it_adds_and_tests_an_endpoint(receiver: Receiver, worker: None) -> None:
    platform = factories.make_platform("Photo club")
    out, err = command("add", platform.name, receiver.url, "--test")
    secret, outcome = out.splitlines()
    assert outcome == "delivered: answered 200"
    assert "cannot be shown again" in err
    (request,) = receiver.requests
    assert Webhook(secret).verify(request.body, request.headers)["type"] == "endpoint.test"


@pytest.mark.django_db(transaction=True)
def test_it_says_what_the_endpoint_answered(receiver: Receiver, worker: None) -> None:
    receiver.answer = answering(500, b"out of order")
    endpoint, _ = webhooks.add_endpoint(factories.make_platform(), receiver.url, actor="system")
    with pytest.raises(CommandError, match="not delivered: answered 500: out of order"):
        command("test", str(endpoint.pk))


@pytest.mark.django_db(transaction=True)
def test_it_says_that_no_worker_sends(receiver: Receiver, broker: object) -> None:
    endpoint, _ = webhooks.add_endpoint(factories.make_platform(), receiver.url, actor="system")
    began = time.monotonic()
    with pytest.raises(CommandError, match="does a worker consume the queue `deliver`"):
        command("test", str(endpoint.pk), "--wait", "0.3")
    assert time.monotonic() - began < 5


def test_it_lists_and_disables(receiver: Receiver) -> None:
    endpoint, secret = webhooks.add_endpoint(factories.make_platform("Photo club"), receiver.url, actor="system")
    webhooks.send_test(endpoint)
    listed, _ = command("list", "Photo club")
    assert listed.splitlines()[1].split() == [str(endpoint.pk), "active", "1", receiver.url]
    assert secret not in listed
    assert command("disable", str(endpoint.pk), "--reason", "moved")[0] == "disabled\n"
    assert command("disable", str(endpoint.pk))[0] == "was disabled already\n"
    assert "disabled: moved" in command("list", "Photo club")[0]
    with pytest.raises(CommandError, match=r"disabled \(moved\)"):
        command("test", str(endpoint.pk))


@pytest.mark.parametrize("url", ["http://hooks.example/", "https://127.0.0.1/", "hooks.example"])
def test_it_refuses_an_address_by_name(url: str) -> None:
    factories.make_platform("Photo club")
    with pytest.raises(CommandError, match="cannot be called"):
        command("add", "Photo club", url)
    assert not WebhookEndpoint.objects.exists()


@pytest.mark.parametrize("given", ["nonsense", "0199f3d2-6c1e-7b7a-9a53-0d5ad1c0f3aa"])
def test_it_says_where_to_find_the_id(given: str) -> None:
    with pytest.raises(CommandError, match="guard_endpoint list"):
        command("disable", given)


def test_it_sends_a_time_range_again(receiver: Receiver) -> None:
    endpoint, _ = webhooks.add_endpoint(factories.make_platform(), receiver.url, actor="system")
    for _ in range(3):
        webhooks.emit(endpoint.platform, EventType.ITEM_SCREENED, None, {})
    WebhookDelivery.objects.update(state=DeliveryState.FAILED)
    assert command("replay", str(endpoint.pk), "--since", "2020-01-01", "--until", "2020-01-02")[0] == (
        "0 messages are sent again\n"
    )
    assert command("replay", str(endpoint.pk), "--since", "2020-01-01T08:00")[0] == "3 messages are sent again\n"
    assert set(WebhookDelivery.objects.values_list("state", flat=True)) == {"pending"}
    WebhookDelivery.objects.update(state=DeliveryState.DELIVERED)
    again = ("replay", str(endpoint.pk), "--since", "2020-01-01T08:00+02:00", "--delivered-too")
    assert command(*again)[0] == "3 messages are sent again\n"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--since", "soon"], "invalid moment value"),
        (["--since", "2999-01-01"], "must be later"),
        (["--since", "2020-01-01"], r"is disabled \(moved\)"),
    ],
)
def test_it_says_why_a_range_is_not_sent_again(receiver: Receiver, given: list[str], said: str) -> None:
    endpoint, _ = webhooks.add_endpoint(factories.make_platform(), receiver.url, actor="system")
    webhooks.disable_endpoint(endpoint, "moved", actor="system")
    with pytest.raises(CommandError, match=said):
        command("replay", str(endpoint.pk), *given)


def test_it_refuses_a_reason_that_would_not_be_kept_whole(receiver: Receiver) -> None:
    endpoint, _ = webhooks.add_endpoint(factories.make_platform(), receiver.url, actor="system")
    with pytest.raises(CommandError, match="at most 100 characters"):
        command("disable", str(endpoint.pk), "--reason", "x" * 101)
    assert WebhookEndpoint.objects.get().active
    command("disable", str(endpoint.pk), "--reason", "x" * 100)
    assert WebhookEndpoint.objects.get().disabled_reason == "x" * 100


def test_the_list_says_which_endpoint_is_given_a_rest(receiver: Receiver) -> None:
    platform = factories.make_platform()
    webhooks.add_endpoint(platform, receiver.url, actor="system")
    WebhookEndpoint.objects.update(failures=6, open_until=timezone.now() + timedelta(minutes=1))
    assert "6 failures in a row, tried again" in command("list", platform.name)[0]
