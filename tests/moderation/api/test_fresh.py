"""The answer to a new submission says what the item's own page would."""

from __future__ import annotations

import json
from typing import Any

from moderation.api.fresh import fresh
from moderation.api.items import items_of
from moderation.api.serializers import ItemSerializer
from moderation.models import ApiKey, ContentItem
from tests import factories
from tests.moderation.api.conftest import Caller


def whole(caller: Caller, item_id: str) -> dict[str, Any]:
    item = items_of(ApiKey.objects.get(platform=caller.platform)).get(pk=item_id)
    return dict(ItemSerializer(item, context={"reviews": True}).data)


def test_of_a_file_it_says_what_the_item_says(caller: Caller) -> None:
    context = json.dumps({"post": {"title": "My cat"}})
    told = caller.submit(context=context, policy=1, priority="backfill", author_ref="alice").json()
    assert told == json.loads(json.dumps(whole(caller, told["id"])))


def test_of_an_address_it_says_what_the_item_says(caller: Caller, settings: Any) -> None:
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "URL_SUBMISSIONS": True}
    body = {"url": "https://photos.example.org/1.jpg", "external_id": "post-1"}
    told = caller.post("/api/v1/items", body, format="json").json()
    assert told == json.loads(json.dumps(whole(caller, told["id"])))


def test_it_names_every_field_in_the_same_order(caller: Caller) -> None:
    caller.submit()
    assert list(fresh(ContentItem.objects.get())) == list(ItemSerializer().fields)


def test_of_content_that_is_being_scanned_it_says_so(caller: Caller) -> None:
    content = factories.picture()
    first = factories.make_item(caller.platform, content)
    assert first.scan is not None
    type(first.scan).objects.filter(pk=first.scan.pk).update(state="running")
    assert caller.submit(content, external_id="post-2").json()["status"] == "running"
