"""`POST items/{id}/reports`."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from moderation.api.reports import EXAMPLE
from moderation.models import ReviewCase, UserReport
from tests import factories
from tests.moderation.api.conftest import Caller


def test_a_report_of_what_was_let_pass_brings_a_person_and_keeps_no_name(caller: Caller) -> None:
    item = factories.screen(factories.make_item(caller.platform), factories.report(600))
    answer = caller.post(f"/api/v1/items/{item.pk}/reports", EXAMPLE, format="json")
    assert answer.status_code == 201
    assert answer.json()["item_id"] == str(item.pk)
    kept = UserReport.objects.get()
    assert (kept.reason, kept.text) == (EXAMPLE["reason"], EXAMPLE["text"])
    assert EXAMPLE["reporter_ref"] not in kept.reporter_digest
    assert ReviewCase.objects.get().reasons == ["user_report"]


def test_the_same_users_second_report_changes_nothing(caller: Caller) -> None:
    item = factories.make_item(caller.platform)
    first = caller.post(f"/api/v1/items/{item.pk}/reports", EXAMPLE, format="json").json()
    again = caller.post(f"/api/v1/items/{item.pk}/reports", {**EXAMPLE, "reason": "minor"}, format="json")
    assert (again.status_code, again.json()) == (200, first)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"reason": "fraud"}, "/reporter_ref"),
        ({"reporter_ref": "u", "reason": "dislike"}, "/reason"),
        ({"reporter_ref": "u", "reason": "fraud", "text": "x" * 2001}, "/text"),
        ({"reporter_ref": "u\0", "reason": "fraud"}, "/reporter_ref"),
    ],
)
def test_it_points_at_what_is_wrong(caller: Caller, body: dict[str, str], pointer: str) -> None:
    item = factories.make_item(caller.platform)
    answer = caller.post(f"/api/v1/items/{item.pk}/reports", body, format="json")
    assert (answer.status_code, [error["pointer"] for error in answer.json()["errors"]]) == (400, [pointer])
    assert not UserReport.objects.exists()


def test_another_platforms_item_does_not_exist_and_an_erased_one_is_gone(caller: Caller) -> None:
    foreign, own = factories.make_item(), factories.make_item(caller.platform)
    assert caller.post(f"/api/v1/items/{foreign.pk}/reports", EXAMPLE, format="json").status_code == 404
    caller.delete(f"/api/v1/items/{own.pk}")
    assert caller.post(f"/api/v1/items/{own.pk}/reports", EXAMPLE, format="json").status_code == 410
    assert not UserReport.objects.exists()


def test_it_needs_the_scope_to_write(caller_with: Callable[..., Caller]) -> None:
    caller = caller_with("items:read")
    item = factories.make_item(caller.platform)
    assert caller.post(f"/api/v1/items/{item.pk}/reports", EXAMPLE, format="json").status_code == 403
