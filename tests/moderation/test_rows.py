"""Rows read and written by SQL that is made once are those that Django's own would be."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.forms.models import model_to_dict
from django.utils import timezone

from moderation.models import ApiKey, AuditEntry, ContentItem, MediaAsset, Platform
from moderation.models.rows import columns, insert, read
from moderation.services import audit
from tests import factories

pytestmark = pytest.mark.django_db


def whole(row: ApiKey | Platform | AuditEntry | ContentItem) -> dict[str, object]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def test_what_is_read_equals_what_django_reads() -> None:
    key, _ = factories.make_key(factories.make_platform())
    now = timezone.now()
    ApiKey.objects.update(expires_at=now + timedelta(days=1), allowed_networks=["203.0.113.0/24"], last_used_at=now)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns(ApiKey, 'k')} FROM {ApiKey._meta.db_table} k")  # noqa: S608
        found = read(ApiKey, cursor.fetchone())
    assert whole(found) == whole(ApiKey.objects.get(pk=key.pk))
    assert (found._state.adding, found._state.db) == (False, "default")


def test_what_is_inserted_equals_what_django_reads() -> None:
    item = factories.make_item(context={"post": {"title": "My cat 🐈", "likes": None}})
    again = ContentItem.objects.get(pk=item.pk)
    assert whole(again) == whole(item)
    assert model_to_dict(again) == model_to_dict(item)


def test_rows_go_in_together_or_not_at_all() -> None:
    first, second = (audit.entry("test.done", "system", f"item:{number}", n=number) for number in (1, 2))
    second.pk = first.pk
    with pytest.raises(IntegrityError), transaction.atomic():
        insert(first, second)
    assert not AuditEntry.objects.filter(action="test.done").exists()
    insert(first)
    assert AuditEntry.objects.get(action="test.done").detail == {"n": 1}


def test_a_row_that_is_there_is_not_written_over() -> None:
    asset = factories.make_item().asset
    assert asset is not None
    with pytest.raises(IntegrityError), transaction.atomic():
        insert(MediaAsset.objects.get(pk=asset.pk))
