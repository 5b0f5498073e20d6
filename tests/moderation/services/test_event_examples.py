"""docs/events.md shows each event as it is really sent: the same fields, no other."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from moderation.models import Event, Scan, WebhookEndpoint
from moderation.services import appeals, decisions, illegal, scanning, webhooks
from moderation.services.webhooks.outbox import LARGEST_BODY
from moderation.vocabulary import DecisionReason, DecisionValue, EventType, IllegalKind, Reason, Role
from tests import factories

PAGE = (Path(__file__).parents[3] / "docs/events.md").read_text()
EXAMPLES = {
    example["type"]: example for example in map(json.loads, re.findall(r"^```json\n(.+?)^```", PAGE, re.M | re.S))
}
EVERY_REASON = [*DecisionReason]


def everything_happens() -> None:
    """One of each event at least, through the services, with the longest names and the most reasons there can be."""
    case = factories.make_case(external_id="ü" * 200)
    endpoint = WebhookEndpoint.objects.create(platform=case.item.platform, url="https://hooks.example/", secret="-")
    webhooks.send_test(endpoint)
    first = factories.conclude(case, reasons=EVERY_REASON)
    senior, _ = factories.make_user(Role.SENIOR)
    again = decisions.reverse(case, senior, first.pk, DecisionValue.GENUINE, why="The camera's own file came in.")
    decisions.settle(again.pk)
    appeal = appeals.open_appeal(case.item, "I took this photo myself.", actor="system")
    factories.conclude(appeal.case, DecisionValue.GENUINE)
    illegal.lock(factories.make_case(), factories.make_user()[0], IllegalKind.CHILD_ABUSE, "seen at once")
    factories.screen(
        factories.make_item(), factories.report(status="not_applicable", reasons=[reason.value for reason in Reason])
    )
    for reason in (Reason.STORAGE_LOST, Reason.ATTEMPTS_SPENT):
        factories.make_item()
        for _ in range(scanning.ATTEMPTS):
            for claim in factories.claim_one():
                scanning.record_failure(claim, reason, "in a test")
            Scan.objects.update(next_attempt_at=timezone.now())


@pytest.fixture(scope="module")
def documented() -> dict[str, Any]:
    assert set(EXAMPLES) == {kind.value for kind in EventType}
    return EXAMPLES


@pytest.mark.django_db
def test_every_event_has_an_example_with_the_fields_it_really_has(documented: dict[str, Any]) -> None:
    everything_happens()
    events = Event.objects.all()
    assert {event.type for event in events} == set(documented)
    for event in events:
        example = documented[event.type]
        assert set(event.payload) == set(example) == {"type", "timestamp", "data"}
        assert set(event.payload["data"]) == set(example["data"]), event.type


@pytest.mark.django_db
def test_no_event_comes_near_the_limit() -> None:
    everything_happens()
    sizes = {event.type: len(event.body) for event in Event.objects.all()}
    assert max(sizes.values()) < LARGEST_BODY / 5, sizes


@pytest.mark.django_db
def test_what_is_too_large_for_a_message_is_no_event() -> None:
    platform = factories.make_platform()
    for length, too_large in ((LARGEST_BODY - 200, False), (LARGEST_BODY, True)):
        try:
            webhooks.emit(platform, EventType.ITEM_SCREENED, None, {"external_id": "x" * length})
        except webhooks.PayloadTooLarge:
            assert too_large
        else:
            assert not too_large
    with pytest.raises(webhooks.PayloadTooLarge):  # bytes count, not characters
        webhooks.emit(platform, EventType.ITEM_SCREENED, None, {"external_id": "ü" * (LARGEST_BODY // 2)})
    assert Event.objects.count() == 1
