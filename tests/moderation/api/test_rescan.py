from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from moderation.models import ContentItem, MediaAsset, Scan
from moderation.vocabulary import Priority
from tests import factories
from tests.moderation.api.conftest import Caller


@pytest.fixture
def item(caller: Caller) -> ContentItem:
    return factories.screen(factories.make_item(caller.platform), factories.report(350))


def again(caller: Caller, item: ContentItem) -> Any:
    return caller.post(f"/api/v1/items/{item.pk}/rescan")


def test_it_queues_another_run_and_says_where_to_look(caller: Caller, item: ContentItem) -> None:
    answer = again(caller, item)
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    assert answer.headers["Location"].endswith(f"/api/v1/items/{item.pk}")
    assert answer.headers["Retry-After"] == "1"
    assert sorted(Scan.objects.values_list("run", "state")) == [(1, "done"), (2, "queued")]
    factories.screen(item, factories.report(0))
    told = caller.get(answer.headers["Location"]).json()
    assert (told["status"], told["verdict"]["outcome"]) == ("done", "review")


def test_it_is_as_urgent_as_its_item(caller: Caller) -> None:
    item = factories.make_item(caller.platform, priority=Priority.INTERACTIVE)
    again(caller, factories.screen(item, factories.report(350)))
    assert Scan.objects.get(state="queued").priority == Priority.INTERACTIVE


def test_an_item_that_is_not_finished_is_not_scanned_again(caller: Caller, item: ContentItem) -> None:
    assert again(caller, item).status_code == 202
    answer = again(caller, item)
    assert (answer.status_code, answer.json()["code"]) == (409, "not_finished")
    assert Scan.objects.count() == 2


@pytest.mark.parametrize("gone", ["removed_at", "locked_at"])
def test_without_its_file_there_is_nothing_to_scan(caller: Caller, item: ContentItem, gone: str) -> None:
    MediaAsset.objects.update(**{gone: timezone.now()})
    answer = again(caller, item)
    assert (answer.status_code, answer.json()["code"]) == (409, "no_media")


def test_another_platforms_item_does_not_exist(caller_with: Callable[..., Caller], item: ContentItem) -> None:
    assert again(caller_with(), item).status_code == 404
    assert Scan.objects.count() == 1


def test_it_needs_the_scope_to_write(caller_with: Callable[..., Caller], item: ContentItem) -> None:
    assert again(caller_with("items:read", platform=item.platform), item).status_code == 403


def test_an_erased_item_is_gone(caller: Caller, item: ContentItem) -> None:
    caller.delete(f"/api/v1/items/{item.pk}")
    assert again(caller, item).status_code == 410
