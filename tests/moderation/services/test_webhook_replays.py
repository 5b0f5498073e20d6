"""Sending again: what, in which order, and what not."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from moderation.models import AuditEntry, Event, WebhookDelivery, WebhookEndpoint
from moderation.models.ids import first_id
from moderation.redaction import redacted
from moderation.services import retention, webhooks
from moderation.services.webhooks import replays
from moderation.vocabulary import DeliveryState, EventType
from tests import factories
from tests.moderation.hooks import add, deliver, emitted
from tests.moderation.receiver import Receiver, answering

pytestmark = pytest.mark.django_db
NOON = datetime.fromisoformat("2026-11-20T12:00:00+00:00")
HOUR = timedelta(hours=1)


def happened(endpoint: WebhookEndpoint, at: datetime, state: DeliveryState = DeliveryState.FAILED) -> WebhookDelivery:
    """An event of that time, whose id says so too, with a delivery that has ended."""
    event = Event.objects.create(
        id=first_id(at), platform=endpoint.platform, type=EventType.ITEM_SCREENED, payload={"data": {}}
    )
    return WebhookDelivery.objects.create(event=event, endpoint=endpoint, state=state, attempts=10, next_attempt_at=at)


def waiting() -> set[object]:
    return set(WebhookDelivery.objects.filter(state=DeliveryState.PENDING).values_list("event_id", flat=True))


def test_a_range_begins_at_its_first_moment_and_ends_before_its_last(receiver: Receiver) -> None:
    endpoint, _ = add(receiver)
    made = [happened(endpoint, NOON + n * HOUR) for n in range(-1, 4)]
    assert webhooks.replay_range(endpoint, NOON, NOON + 2 * HOUR, actor="system") == 2
    assert waiting() == {made[1].event_id, made[2].event_id}
    made[1].refresh_from_db()
    assert (made[1].attempts, made[1].started_at > timezone.now() - HOUR) == (0, True), "the schedule begins anew"
    [entry] = AuditEntry.objects.filter(action="endpoint.replayed")
    assert (entry.subject, entry.detail["count"]) == (f"endpoint:{endpoint.pk}", 2)


def test_what_was_delivered_goes_again_only_when_asked(receiver: Receiver) -> None:
    endpoint, _ = add(receiver)
    told = happened(endpoint, NOON, DeliveryState.DELIVERED)
    assert webhooks.replay_range(endpoint, NOON, NOON + HOUR, actor="system") == 0
    assert webhooks.replay_range(endpoint, NOON, NOON + HOUR, delivered_too=True, actor="system") == 1
    assert deliver(told) is DeliveryState.DELIVERED
    assert receiver.requests[0].headers["webhook-id"] == str(told.event_id)


def test_what_happened_while_it_was_disabled_is_queued(receiver: Receiver) -> None:
    endpoint, _ = add(receiver)
    webhooks.disable_endpoint(endpoint, "moved", actor="system")
    item = factories.make_item(endpoint.platform)
    missed = webhooks.emit(endpoint.platform, EventType.ITEM_SCREENED, item, {"item_id": "i"})
    began = timezone.now() - HOUR
    with pytest.raises(webhooks.Disabled):
        webhooks.replay_range(endpoint, began, timezone.now() + HOUR, actor="system")
    webhooks.enable_endpoint(endpoint, actor="system")
    assert webhooks.replay_range(endpoint, began, timezone.now() + HOUR, actor="system") == 1
    delivery = missed.deliveries.get()
    assert delivery.item_id == item.pk
    assert deliver(delivery) is DeliveryState.DELIVERED
    assert webhooks.replay_range(endpoint, began, timezone.now() + HOUR, actor="system") == 0, "once"


def test_a_range_goes_in_order_within_an_item(receiver: Receiver) -> None:
    endpoint, _ = add(receiver)
    item = factories.make_item(endpoint.platform)
    first, second = emitted(endpoint, item), emitted(endpoint, item)
    WebhookDelivery.objects.update(state=DeliveryState.FAILED)
    assert webhooks.replay_range(endpoint, timezone.now() - HOUR, timezone.now() + HOUR, actor="system") == 2
    assert deliver(second) is None
    assert [deliver(first), deliver(second)] == [DeliveryState.DELIVERED] * 2


def test_tests_other_platforms_and_what_was_erased_stay_out(receiver: Receiver) -> None:
    endpoint, _ = add(receiver)
    stranger, _ = add(receiver)
    webhooks.send_test(endpoint)
    item = factories.make_item(endpoint.platform)
    emitted(endpoint, item)
    emitted(stranger)
    retention.erase(item, actor="system")
    WebhookDelivery.objects.update(state=DeliveryState.FAILED)
    assert webhooks.replay_range(endpoint, timezone.now() - HOUR, timezone.now() + HOUR, actor="system") == 0
    assert waiting() == set()


def test_too_many_are_refused_and_nothing_is_sent(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replays, "MOST_AT_ONCE", 2)
    endpoint, _ = add(receiver)
    for n in range(3):
        happened(endpoint, NOON + n * HOUR)
    with pytest.raises(webhooks.TooMany, match="3 events"):
        webhooks.replay_range(endpoint, NOON, NOON + 5 * HOUR, actor="system")
    assert waiting() == set()


def test_the_log_tells_what_was_sent_and_answered_without_secrets(receiver: Receiver) -> None:
    endpoint, secret = add(receiver)
    WebhookEndpoint.objects.update(url=f"{receiver.url}?token=hunter2")
    delivery = emitted(endpoint, item_id="i", padding="x" * 2000)
    assert delivery.request_excerpt == ""
    receiver.answer = answering(400, f"not {secret}, not v1,{'A' * 43}=, not Bearer abc.def, but sorry".encode())
    deliver(delivery)
    assert delivery.answer_excerpt == "not whsec_…, not v1,…, not Bearer …, but sorry"
    delivery = WebhookDelivery.objects.get(pk=delivery.pk)
    said = delivery.request_excerpt
    assert said.startswith(f"POST /hook?…\nhost: {receiver.entry}\nwebhook-id: {delivery.event_id}\n")
    assert '"type":"item.screened"' in said
    assert len(said) < 800
    for hidden in ("hunter2", secret, receiver.requests[0].headers["webhook-signature"]):
        assert hidden not in said


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("dg_0a1b2c3d_Zm9v-YmFy_x is unknown", "dg_0a1b2c3d_… is unknown"),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic …"),
        ("v1,short and version v1, as ever", "v1,short and version v1, as ever"),
        ("an ordinary word about bearers", "an ordinary word about bearers"),
    ],
)
def test_what_looks_like_a_secret_is_cut_out_and_nothing_else(said: str, kept: str) -> None:
    assert redacted(said) == kept
