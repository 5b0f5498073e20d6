"""`guard_backfill app.Model.field`: what the site held before, behind everything else, and only once."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from moderation.management.commands import guard_backfill
from moderation.models import ContentItem, HostedImage
from moderation.services import hosting
from moderation.vocabulary import Priority
from tests.factories import picture
from tests.gallery.models import Photo

from .conftest import Committed


@pytest.fixture
def old_photos(media: Path) -> list[Photo]:
    (media / "photos").mkdir()
    for number in range(5):
        (media / f"photos/{number}.jpg").write_bytes(picture())
    return Photo.objects.bulk_create([Photo(image=f"photos/{number}.jpg") for number in range(5)])


def run(committed: Committed) -> str:
    said = io.StringIO()
    with committed():
        call_command("guard_backfill", "gallery.Photo.image", stdout=said)
    return said.getvalue()


def test_it_sends_what_was_there_before_behind_everything_else(
    committed: Committed, old_photos: list[Photo], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard_backfill, "PAGE", 2)
    monkeypatch.setattr(guard_backfill, "SAY_EVERY", 0.0)
    Photo.objects.create(title="without a picture")
    said = run(committed)
    assert "5 pictures to send" in said
    assert "3 of 5, 0 min" in said
    assert ContentItem.objects.filter(priority=Priority.BACKFILL).count() == 5


def test_it_goes_on_with_what_is_left(
    committed: Committed, old_photos: list[Photo], monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = hosting.want, iter(range(100))

    def ended(*given: Any) -> None:
        if next(calls) == 2:
            raise KeyboardInterrupt
        real(*given)

    with monkeypatch.context() as interrupted:
        interrupted.setattr(hosting, "want", ended)
        with pytest.raises(KeyboardInterrupt):
            run(committed)
    assert HostedImage.objects.count() == 2
    assert "3 pictures to send" in run(committed)
    assert HostedImage.objects.count() == 5
    assert "0 pictures to send" in run(committed)


def test_it_finds_a_file_that_was_changed_past_the_signals(committed: Committed, old_photos: list[Photo]) -> None:
    run(committed)
    Photo.objects.filter(pk=old_photos[0].pk).update(image="photos/1.jpg")
    assert "1 pictures to send" in run(committed)


def test_it_erases_what_was_deleted_past_the_signals(committed: Committed, old_photos: list[Photo]) -> None:
    run(committed)
    Photo.objects.filter(pk=old_photos[0].pk)._raw_delete("default")  # private, as raw SQL would be
    assert "1 pictures erased" in run(committed)
    assert ContentItem.objects.filter(erased_at=None).count() == 4
    assert "erased" not in run(committed)


def test_it_names_what_is_registered_when_asked_for_something_else() -> None:
    for wrong in ("gallery.Photo.title", "nothing", "gallery.Nothing.image"):
        with pytest.raises(CommandError, match=r"gallery\.photo\.image"):
            call_command("guard_backfill", wrong)
