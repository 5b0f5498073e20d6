from __future__ import annotations

from moderation.models import ContentItem
from tests.moderation.api.conftest import Caller

PROBLEM = "application/problem+json"


def test_it_erases_and_then_says_so(caller: Caller) -> None:
    where = caller.submit().headers["Location"]
    assert caller.delete(where).status_code == 204
    gone = caller.get(where)
    assert (gone.status_code, gone.json()["code"]) == (410, "erased")
    assert caller.get("/api/v1/items").json()["results"] == []


def test_it_does_not_erase_what_is_held(caller: Caller) -> None:
    where = caller.submit().headers["Location"]
    ContentItem.objects.update(legal_hold=True)
    answer = caller.delete(where)
    assert (answer.status_code, answer.json()["code"]) == (409, "legal_hold")
