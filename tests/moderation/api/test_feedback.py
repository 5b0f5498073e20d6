"""`items/{id}/feedback`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from moderation.api.feedback import EXAMPLE
from moderation.models import ContentItem, Event, Label, ReviewCase, Verdict
from tests import factories
from tests.moderation.api.conftest import Caller


def say(caller: Caller, item: ContentItem, **body: Any) -> Any:
    return caller.post(f"/api/v1/items/{item.pk}/feedback", body, format="json")


def test_a_label_is_kept_and_moves_nothing(caller: Caller) -> None:
    item = factories.make_case(caller.platform).item
    before = [list(model.objects.order_by("pk").values()) for model in (Verdict, ReviewCase, Event)]
    answer = say(caller, item, **EXAMPLE)
    assert answer.status_code == 201
    assert {name: answer.json()[name] for name in EXAMPLE} == EXAMPLE
    assert [list(model.objects.order_by("pk").values()) for model in (Verdict, ReviewCase, Event)] == before


def test_the_newest_comes_first_and_a_repetition_adds_nothing(caller: Caller) -> None:
    item = factories.make_item(caller.platform)
    first = say(caller, item, label="synthetic")
    assert say(caller, item, label="synthetic").json() == first.json()
    assert say(caller, item, label="synthetic").status_code == 200
    assert say(caller, item, label="genuine").status_code == 201
    told = caller.get(f"/api/v1/items/{item.pk}/feedback").json()
    assert [(label["label"], label["basis"]) for label in told] == [("genuine", "person"), ("synthetic", "person")]


@pytest.mark.parametrize(
    ("body", "pointer"), [({}, "/label"), ({"label": "cannot_tell"}, "/label"), ({**EXAMPLE, "basis": "?"}, "/basis")]
)
def test_it_points_at_what_is_wrong(caller: Caller, body: dict[str, str], pointer: str) -> None:
    answer = say(caller, factories.make_item(caller.platform), **body)
    assert (answer.status_code, [error["pointer"] for error in answer.json()["errors"]]) == (400, [pointer])
    assert not Label.objects.exists()


def test_another_platforms_item_does_not_exist(caller: Caller, caller_with: Callable[..., Caller]) -> None:
    item = factories.make_item(caller.platform)
    stranger = caller_with()
    assert say(stranger, item, **EXAMPLE).status_code == 404
    assert stranger.get(f"/api/v1/items/{item.pk}/feedback").status_code == 404
    assert say(caller_with("items:read", platform=caller.platform), item, **EXAMPLE).status_code == 403


def test_erasure_takes_the_labels_along(caller: Caller) -> None:
    item = factories.make_item(caller.platform)
    say(caller, item, **EXAMPLE)
    caller.delete(f"/api/v1/items/{item.pk}")
    assert not Label.objects.exists()
    assert say(caller, item, **EXAMPLE).status_code == 410
