from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from moderation.models import ContentItem
from tests import factories
from tests.moderation.api.conftest import Caller

PROBLEM = "application/problem+json"


def test_it_lists_newest_first_in_pages(caller: Caller) -> None:
    for number in range(5):
        caller.submit(external_id=f"post-{number}")
    page = caller.get("/api/v1/items?limit=3").json()
    assert [item["external_id"] for item in page["results"]] == ["post-4", "post-3", "post-2"]
    rest = caller.get(page["next"]).json()
    assert [item["external_id"] for item in rest["results"]] == ["post-1", "post-0"]
    assert caller.get("/api/v1/items?external_id=post-1").json()["results"][0]["external_id"] == "post-1"
    assert caller.get("/api/v1/items?status=done").json()["results"] == []
    assert caller.get("/api/v1/items?status=odd").status_code == 400


def test_it_asks_the_database_as_often_for_many_as_for_one(caller: Caller) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert caller.get("/api/v1/items").status_code == 200
        return len(asked)

    factories.make_case(caller.platform)
    caller.get("/api/v1/items")  # the key's last use is written once a minute
    one = queries()
    for _ in range(4):
        factories.make_case(caller.platform)
    assert queries() == one


def test_it_gives_at_most_two_hundred_a_page(caller: Caller) -> None:
    item = factories.make_item(caller.platform)
    ContentItem.objects.bulk_create(
        ContentItem(platform=caller.platform, external_id=f"copy-{n}", asset=item.asset, scan=item.scan)
        for n in range(205)
    )
    assert len(caller.get("/api/v1/items").json()["results"]) == 50
    assert len(caller.get("/api/v1/items?limit=1000").json()["results"]) == 200


def test_a_page_does_not_move_when_items_arrive(caller: Caller) -> None:
    for number in range(4):
        caller.submit(external_id=f"post-{number}")
    page = caller.get("/api/v1/items?limit=2").json()
    caller.submit(external_id="late")
    rest = caller.get(page["next"]).json()
    assert [item["external_id"] for item in rest["results"]] == ["post-1", "post-0"]


@pytest.mark.parametrize("query", ["cursor=cD1ub25zZW5zZQ%3D%3D", "cursor=!!", "external_id=a%00b", "status=%00"])
def test_it_says_of_nonsense_in_the_address_that_it_is_the_callers(caller: Caller, query: str) -> None:
    assert caller.get(f"/api/v1/items?{query}").status_code == 400
