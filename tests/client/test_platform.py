from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.utils import timezone

from deepfake_guard.client import Problem, platform
from moderation.models import Event, WebhookDelivery
from moderation.services import webhooks
from tests import factories
from tests.client.conftest import Caller


def test_a_key_is_issued_rotated_and_revoked(caller: Caller) -> None:
    tomorrow = timezone.now() + timedelta(days=1)
    made = caller.send(platform.issue_key("reader", ["items:read"], expires_at=tomorrow))
    assert made["secret"].startswith(f"dg_{made['prefix']}_")
    rotated = caller.send(platform.rotate_key(made["id"], overlap_hours=2))
    assert rotated["secret"] != made["secret"]
    assert caller.send(platform.revoke_key(made["id"])) is None
    told = {key["name"]: key for key in caller.every(platform.keys())}
    assert set(told) == {"test", "reader"}
    assert told["reader"]["revoked_at"] is not None


def test_an_endpoint_is_added_tested_switched_and_removed(caller: Caller, settings: LazySettings) -> None:
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "WEBHOOK_ALLOWED": ["127.0.0.1:9"]}
    made = caller.send(platform.add_endpoint("http://127.0.0.1:9/hook"))
    assert made["secret"].startswith("whsec_")
    sent = caller.send(platform.test_endpoint(made["id"]))
    assert str(Event.objects.get().pk) == sent["event_id"]
    assert caller.send(platform.rotate_endpoint(made["id"]))["secret"] != made["secret"]
    assert caller.send(platform.switch_endpoint(made["id"], active=False))["active"] is False
    assert caller.send(platform.endpoint(made["id"]))["disabled_reason"]
    assert [endpoint["id"] for endpoint in caller.every(platform.endpoints())] == [made["id"]]
    assert caller.send(platform.remove_endpoint(made["id"])) is None
    assert caller.every(platform.endpoints()) == []


def test_what_was_sent_is_listed_and_sent_again(caller: Caller, settings: LazySettings) -> None:
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "WEBHOOK_ALLOWED": ["127.0.0.1:9"]}
    endpoint = caller.send(platform.add_endpoint("http://127.0.0.1:9/hook"))["id"]
    factories.make_case(caller.platform)
    WebhookDelivery.objects.update(state="failed")
    failed = caller.every(platform.deliveries(endpoint, state="failed"))
    assert {delivery["type"] for delivery in failed} == {"item.screened", "case.opened"}
    again = caller.send(platform.replay_delivery(failed[0]["id"]))
    assert (again["state"], again["id"]) == ("pending", failed[0]["id"])
    hour_ago = timezone.now() - timedelta(hours=1)
    assert caller.send(platform.replay_events(endpoint, since=hour_ago)) == {"replayed": 1}
    assert caller.send(platform.delivery(failed[1]["id"]))["state"] == "pending"


def test_a_policy_is_published_or_refused_at_the_key_that_is_wrong(caller: Caller) -> None:
    made = caller.send(platform.publish_policy({"review_at": 0.05}, note="more to see"))
    assert (made["version"], made["active"], made["rules"]["review_at"]) == (2, True, 0.05)
    assert [version["version"] for version in caller.every(platform.policies())] == [2, 1]
    assert caller.send(platform.policy(1))["active"] is False
    with pytest.raises(Problem) as told:
        caller.send(platform.publish_policy({"review_at": 2}))
    assert (told.value.code, told.value.errors[0]["pointer"]) == ("invalid_rules", "/rules/review_at")


def test_the_log_is_read_on_from_a_cursor(caller: Caller) -> None:
    factories.make_case(caller.platform)
    webhooks.number_events()
    first = caller.send(platform.events(limit=1))
    assert ([event["type"] for event in first["events"]], first["more"]) == (["item.screened"], True)
    rest = caller.send(platform.events(first["cursor"]))
    assert ([event["type"] for event in rest["events"]], rest["more"]) == (["case.opened"], False)
    opened = caller.send(platform.events(types=["case.opened", "case.locked"]))
    assert [event["id"] for event in opened["events"]] == [rest["events"][0]["id"]]


def test_usage_and_detector_are_told(caller: Caller) -> None:
    with pytest.raises(Problem) as told:
        caller.send(platform.detector())
    assert told.value.code == "no_detector"
    factories.make_case(caller.platform)
    assert caller.send(platform.detector())["detector"] == "muflow-test"
    [day] = caller.send(platform.usage(days=7))["days"]
    assert day["items"] == {"done": 1}


def test_statistics_come_with_their_n(caller: Caller) -> None:
    factories.conclude(factories.make_case(caller.platform))
    told = caller.send(platform.statistics(days=7))
    assert told["outcomes"]["review"]["n"] == 1
    assert told["queue"]["open"] == 0
