"""`policy`: by which version of its platform's rules an item is judged."""

from __future__ import annotations

from collections.abc import Callable

from moderation.models import ContentItem, Platform, PolicyVersion, Verdict
from moderation.services import platforms, scanning
from tests import factories
from tests.moderation.api.conftest import Caller


def publish(platform: Platform, review_at: float) -> PolicyVersion:
    rules = {"review_at": review_at}
    return platforms.publish_policy(platform, rules, by=None, note="", actor=factories.ACTOR)


def test_it_is_judged_by_the_version_that_was_chosen_for_it(caller: Caller) -> None:
    publish(caller.platform, 0.5)
    assert caller.submit(policy=1).json()["policy"] == 1
    item = factories.screen(ContentItem.objects.get(), factories.report(100))
    told = caller.get(f"/api/v1/items/{item.pk}").json()
    assert (told["policy"], told["verdict"]["policy_version"], told["verdict"]["outcome"]) == (1, 1, "allow")


def test_without_a_choice_it_is_judged_by_the_version_in_force_then(caller: Caller) -> None:
    assert caller.submit().json()["policy"] is None
    publish(caller.platform, 0.5)
    factories.screen(ContentItem.objects.get(), factories.report(100))
    assert Verdict.objects.get().policy.number == 2


def test_a_scan_again_and_a_decision_keep_to_the_choice(caller: Caller) -> None:
    caller.submit(policy=1)
    publish(caller.platform, 0.5)
    item = factories.screen(ContentItem.objects.get(), factories.report(0))
    factories.conclude(item.cases.get())
    assert item.asset is not None
    assert scanning.rescan(item.asset, actor=factories.ACTOR) is not None
    factories.screen(item, factories.report(0))
    assert set(Verdict.objects.values_list("policy__number", flat=True)) == {1}


def test_a_version_that_the_platform_does_not_have_is_pointed_at(caller_with: Callable[..., Caller]) -> None:
    caller = caller_with()
    publish(factories.make_platform(), 0.5)  # version 2 of somebody else
    for number in ("2", "0", "one", "99999999999999999999"):
        answer = caller.submit(policy=number)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/policy")
    assert caller.submit(policy=2).json()["errors"][0]["code"] == "unknown_policy"
    assert not ContentItem.objects.exists()
