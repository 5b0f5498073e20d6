from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.storage import storages
from django.utils import timezone

from deepfake_guard.detector.records import Derived
from moderation.models import Derivative, MediaAsset, ReviewCase
from moderation.services import closeups, retention
from tests.factories import conclude, make_case, make_item, picture, report, screen

pytestmark = pytest.mark.django_db
KINDS = ("inspect", "contrast", "error_level", "residual")
MADE = [Derived(kind, None, "image/webp", 64, 48, picture(seed=1)) for kind in KINDS]


def kinds() -> set[str]:
    return set(Derivative.objects.filter(kind__in=KINDS).values_list("kind", flat=True))


def files() -> int:
    return sum(1 for path in Path(storages["media"].path("")).rglob("*") if path.is_file())


def test_a_new_case_asks_for_them_and_they_are_made_once() -> None:
    case = make_case()
    wanted = closeups.claim(case.number)
    assert wanted is not None
    assert wanted.storage_name == case.item.asset.storage_name  # type: ignore[union-attr]
    assert closeups.claim(case.number) is None  # somebody is at it
    assert closeups.record(wanted, MADE)
    assert kinds() == set(KINDS)
    before = files()
    assert not closeups.record(wanted, MADE)
    assert files() == before
    assert ReviewCase.objects.get().views_due_at is None


def test_nothing_is_asked_for_where_no_picture_could_be_read() -> None:
    screen(make_item(), report(status="not_applicable", reasons=["decode_error"]))
    assert ReviewCase.objects.get().views_due_at is None


def test_it_gives_up_after_three_tries() -> None:
    case = make_case()
    for _ in range(closeups.TRIES):
        assert closeups.claim(case.number) is not None
        ReviewCase.objects.update(views_due_at=timezone.now() - timedelta(seconds=1))
    assert closeups.claim(case.number) is None
    assert ReviewCase.objects.get().views_due_at is None


def test_nothing_is_made_of_a_closed_case_or_of_what_was_erased_meanwhile() -> None:
    closed = make_case()
    conclude(closed)
    assert closeups.claim(closed.number) is None
    case = make_case()
    wanted = closeups.claim(case.number)
    assert wanted is not None
    retention.erase(case.item, actor="system")
    before = files()
    assert not closeups.record(wanted, MADE)
    assert files() == before


def test_an_erasure_takes_them_along() -> None:
    case = make_case()
    wanted = closeups.claim(case.number)
    assert wanted is not None
    closeups.record(wanted, MADE)
    retention.erase(case.item, actor="system")
    assert not Derivative.objects.exists()
    assert not MediaAsset.objects.exists()


def test_the_sweeper_rings_for_what_a_lost_message_left() -> None:
    make_case()
    assert closeups.sweep() == 1
    ReviewCase.objects.update(views_due_at=timezone.now() + timedelta(minutes=1))
    assert closeups.sweep() == 0
