"""Bytes stored: exact at every moment, as cheap with many files as with few, and compared with the files' rows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from moderation.intake import Refused
from moderation.models import MediaAsset, Platform, StoredBytes, StoredChange, Verdict
from moderation.services import retention, room
from tests import factories

pytestmark = pytest.mark.django_db


def truly(platform: Platform) -> int:
    return sum(MediaAsset.objects.filter(platform=platform, removed_at=None).values_list("size", flat=True))


def test_what_comes_and_goes_is_counted_before_and_after_it_is_added_up() -> None:
    platform, contents = factories.make_platform(), [factories.picture() for _ in range(3)]
    items = [factories.make_item(platform, content) for content in contents]
    factories.make_item(platform, contents[0])  # stored once
    for _ in range(2):
        assert room.bytes_stored(platform) == truly(platform) == sum(map(len, contents))
        room.add_up()
    assert (StoredChange.objects.count(), StoredBytes.objects.get().size) == (0, sum(map(len, contents)))
    retention.erase(items[2], actor="system")
    assert room.bytes_stored(platform) == truly(platform) == sum(map(len, contents[:2]))


def test_what_retention_removes_makes_room_and_counts_again_when_it_comes_back() -> None:
    platform, content = factories.make_platform(), factories.picture()
    factories.screen(factories.make_item(platform, content), factories.report(600))
    for rows in (Verdict.objects, MediaAsset.objects):
        rows.update(created_at=timezone.now() - timedelta(days=60))
    assert retention.purge_expired() == 1
    assert room.bytes_stored(platform) == 0
    factories.make_item(platform, content, external_id="again")
    assert room.bytes_stored(platform) == truly(platform) == len(content)
    assert room.drift() == {}


def test_an_upload_that_is_refused_counts_nothing() -> None:
    platform = factories.make_platform()
    Platform.objects.filter(pk=platform.pk).update(items_per_day=0)
    platform.refresh_from_db()
    with pytest.raises(Refused):
        factories.make_item(platform)
    assert room.bytes_stored(platform) == 0


def test_another_platforms_bytes_are_not_counted() -> None:
    platform = factories.make_platform()
    factories.make_item(factories.make_platform())
    room.add_up()
    assert room.bytes_stored(platform) == 0


def test_a_wrong_sum_is_found_and_corrected() -> None:
    platform, content = factories.make_platform(), factories.picture()
    factories.make_item(platform, content)
    room.add_up()
    StoredBytes.objects.update(size=5)
    assert room.drift() == {platform.pk: len(content) - 5}
    assert (room.reconcile(), room.reconcile()) == (1, 0)
    assert room.bytes_stored(platform) == len(content)


def test_the_ceiling_asks_one_question_whatever_is_kept(django_assert_num_queries: Callable[..., Any]) -> None:
    platform = factories.make_platform()
    Platform.objects.filter(pk=platform.pk).update(storage_bytes=10)
    platform.refresh_from_db()
    factories.make_item(factories.make_platform())
    with django_assert_num_queries(1) as asked:
        room.check(platform, 10)
    assert MediaAsset._meta.db_table not in asked.captured_queries[0]["sql"]
    with pytest.raises(Refused, match="storage ceiling of 10 bytes"):
        room.check(platform, 11)
