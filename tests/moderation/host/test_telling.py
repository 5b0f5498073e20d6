"""The site hears of outcomes after commit, also when the process that recorded them did not live to tell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.utils import timezone

from moderation.models import HostedImage, ReviewCase
from moderation.services import hosting
from moderation.signals import case_decided, item_screened
from moderation.vocabulary import DecisionValue
from tests.factories import conclude, make_item, picture, report, screen
from tests.gallery import models as gallery_models
from tests.gallery.models import Photo

from .conftest import Committed


@pytest.fixture
def heard() -> Iterator[list[tuple[str, Any]]]:
    said: list[tuple[str, Any]] = []

    def screened(sender: Any, instance: Photo, field: str, verdict: Any, **_: Any) -> None:
        said.append(("screened", (sender, instance.pk, field, verdict.outcome)))

    def decided(sender: Any, instance: Photo, verdict: Any, **_: Any) -> None:
        said.append(("decided", (sender, instance.pk, verdict.effect)))

    item_screened.connect(screened, sender=Photo)
    case_decided.connect(decided, sender=Photo)
    gallery_models.flagged.clear()
    yield said
    item_screened.disconnect(screened, sender=Photo)
    case_decided.disconnect(decided, sender=Photo)


@pytest.fixture
def photo(committed: Committed) -> Photo:
    with committed():
        made: Photo = Photo.objects.create(image=ContentFile(picture(), name="a.jpg"))
    return made


def item_of(photo: Photo) -> Any:
    return HostedImage.objects.get(object_pk=str(photo.pk)).item


def test_what_policy_lets_pass_is_told_and_flags_nothing(photo: Photo, heard: list[Any], committed: Committed) -> None:
    with committed():
        screen(item_of(photo), report(400))
    assert heard == [("screened", (Photo, photo.pk, "image", "allow"))]
    assert gallery_models.flagged == []


def test_what_asks_for_a_person_is_flagged_then_decided(photo: Photo, heard: list[Any], committed: Committed) -> None:
    with committed():
        screen(item_of(photo), report(0))
    assert gallery_models.flagged == [(photo.pk, "review")]
    with committed():
        conclude(ReviewCase.objects.get(), DecisionValue.SYNTHETIC)
    assert [kind for kind, _ in heard] == ["screened", "decided"]
    assert heard[1][1] == (Photo, photo.pk, "remove")
    assert gallery_models.flagged == [(photo.pk, "review")]


def test_it_tells_what_is_decided_while_the_outcome_before_is_being_told(
    photo: Photo, heard: list[Any], committed: Committed
) -> None:
    def decide(**_: Any) -> None:
        conclude(ReviewCase.objects.get(), DecisionValue.SYNTHETIC)

    item_screened.connect(decide, sender=Photo)
    try:
        with committed():
            screen(item_of(photo), report(0))
    finally:
        item_screened.disconnect(decide, sender=Photo)
    assert [kind for kind, _ in heard] == ["screened", "decided"]
    assert HostedImage.objects.get().due_at is None


def test_equal_content_that_is_known_already_is_told_at_once(heard: list[Any], committed: Committed) -> None:
    content = picture()
    with committed():
        first = Photo.objects.create(image=ContentFile(content, name="a.jpg"))
    with committed():
        screen(item_of(first), report(400))
    with committed():
        second = Photo.objects.create(image=ContentFile(content, name="b.jpg"))
    assert [details[1] for _, details in heard] == [first.pk, second.pk]


def test_a_crash_before_telling_is_made_up_for_by_the_sweeper(photo: Photo, heard: list[Any]) -> None:
    screen(item_of(photo), report(0))  # its callbacks are never run here
    assert heard == []
    hosting.sweep()
    assert heard == []  # not yet: the process that recorded it may still be at it
    HostedImage.objects.update(due_at=timezone.now())
    hosting.sweep()
    hosting.sweep()
    assert [kind for kind, _ in heard] == ["screened"]
    assert HostedImage.objects.get().due_at is None


def test_a_flag_handler_that_raises_is_called_again_and_harms_nobody(
    photo: Photo, heard: list[Any], committed: Committed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("the mail server is away")

    with monkeypatch.context() as away:
        away.setattr(gallery_models, "note_flag", broken)
        with committed():
            item = screen(item_of(photo), report(0))
    assert item.status == "done"
    HostedImage.objects.update(due_at=timezone.now())
    hosting.sweep()
    assert gallery_models.flagged == [(photo.pk, "review")]


def test_items_of_other_platforms_are_nobodys_business_here(heard: list[Any], committed: Committed) -> None:
    with committed():
        screen(make_item(), report(0))
    assert heard == []
