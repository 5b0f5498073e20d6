from __future__ import annotations

import pytest

from moderation.models import ContentItem
from tests import factories
from tests.moderation.api.conftest import Caller


@pytest.fixture
def where(caller: Caller) -> str:
    return f"/api/v1/items/{factories.make_item(caller.platform).pk}"


def test_an_unchanged_item_is_not_sent_again(caller: Caller, where: str) -> None:
    tag = caller.get(where).headers["ETag"]
    for header in (tag, f'"other", {tag}', f"W/{tag}", "*"):
        again = caller.get(where, headers={"If-None-Match": header})
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)


def test_a_changed_item_is(caller: Caller, where: str) -> None:
    tag = caller.get(where).headers["ETag"]
    factories.screen(ContentItem.objects.get(), factories.report(350))
    again = caller.get(where, headers={"If-None-Match": tag})
    assert (again.status_code, again.json()["status"]) == (200, "done")
    assert again.headers["ETag"] != tag


def test_nobody_between_may_keep_it_for_others(caller: Caller, where: str) -> None:
    headers = caller.get(where).headers
    assert "private" in headers["Cache-Control"]
    assert "Authorization" in headers["Vary"]
