from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction
from django.test import override_settings
from django.utils import timezone

from moderation.models import AuditEntry, AuditHead
from moderation.services import audit

pytestmark = pytest.mark.django_db


def three_notes() -> None:
    for number in range(3):
        audit.note("thing.done", "system", f"thing:{number}", share=0.25, at=timezone.now(), name="näher")


def test_it_leaves_no_entry_when_the_change_is_rolled_back() -> None:
    with transaction.atomic():
        audit.note("thing.done", "system", "thing:1")
        transaction.set_rollback(True)
    assert not AuditEntry.objects.exists()


def test_it_reports_unlinked_entries_as_behind_not_as_broken() -> None:
    three_notes()
    assert audit.verify() == audit.ChainState(linked=0, behind=3, broken_at=None)


def test_it_numbers_in_the_order_of_writing_and_verifies() -> None:
    three_notes()
    assert audit.link(limit=2) == 2
    assert audit.link() == 1
    assert audit.link() == 0
    assert list(AuditEntry.objects.order_by("number").values_list("subject", flat=True)) == [
        "thing:0",
        "thing:1",
        "thing:2",
    ]
    assert audit.verify() == audit.ChainState(linked=3, behind=0, broken_at=None)


@pytest.mark.parametrize(
    "change",
    [{"detail": {}}, {"actor": "user:7"}, {"created_at": timezone.now() + timedelta(days=1)}, {"hash": "0" * 64}],
)
def test_it_names_the_first_entry_that_was_altered(change: dict[str, object]) -> None:
    three_notes()
    audit.link()
    AuditEntry.objects.filter(number=2).update(**change)
    assert audit.verify().broken_at == 2


def test_it_sees_an_entry_removed_from_the_middle() -> None:
    three_notes()
    audit.link()
    AuditEntry.objects.filter(number=2).delete()
    assert audit.verify().broken_at == 2


def test_it_sees_a_tail_cut_off_with_or_without_its_head() -> None:
    three_notes()
    audit.link()
    AuditEntry.objects.filter(number=3).delete()
    assert audit.verify().broken_at == 3
    AuditHead.objects.all().delete()
    assert audit.verify().broken_at == 2


def test_it_does_not_accept_a_chain_rewritten_without_the_key() -> None:
    three_notes()
    with override_settings(SECRET_KEY="somebody else's key, long enough"):
        audit.link()
    assert audit.verify().broken_at == 3
