"""Saves, changes and deletes of a site's own pictures are followed, and nothing is lost on the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import transaction
from django.db.models.deletion import Collector
from django.utils import timezone
from kombu import Connection

from moderation import dispatch, registry
from moderation.host import register
from moderation.models import ContentItem, HostedImage, Scan
from moderation.services import hosting, scanning, submission
from moderation.vocabulary import ItemSource, ItemStatus, Priority, ScanState
from tests.factories import picture
from tests.gallery.models import Member, Note, Panorama, Photo, Shown

from .conftest import Committed


def upload(content: bytes | None = None, name: str = "a.jpg") -> ContentFile[bytes]:
    return ContentFile(content or picture(), name=name)


def overdue() -> None:
    HostedImage.objects.exclude(due_at=None).update(due_at=timezone.now())


def test_a_saved_picture_is_submitted_once_the_save_is_committed(committed: Committed) -> None:
    with committed():
        photo = Photo.objects.create(image=upload(), author="mia")
        assert not ContentItem.objects.exists()
    item = ContentItem.objects.get()
    assert (item.external_id, item.platform.name) == (f"gallery.photo.image:{photo.pk}", "Gallery")
    assert (item.source, item.priority, item.status) == (ItemSource.HOST, Priority.NORMAL, ItemStatus.QUEUED)
    assert item.author_digest
    assert HostedImage.objects.get().due_at is None


@pytest.mark.django_db(transaction=True)
def test_a_save_that_is_rolled_back_submits_nothing() -> None:
    with transaction.atomic():
        Photo.objects.create(image=upload())
        transaction.set_rollback(True)
    assert not HostedImage.objects.exists()
    assert not ContentItem.objects.exists()


def test_another_picture_is_a_new_revision_of_the_same_item(committed: Committed) -> None:
    with committed():
        photo = Photo.objects.create(image=upload())
    with committed():
        photo.image = upload()
        photo.save()
    assert list(ContentItem.objects.order_by("revision").values_list("revision", flat=True)) == [1, 2]
    assert HostedImage.objects.get().item == ContentItem.objects.get(revision=2)


def test_new_content_under_the_old_name_is_a_new_revision(committed: Committed, media: Path) -> None:
    with committed():
        photo = Photo.objects.create(image=upload(name="same.jpg"))
    (media / photo.image.name).unlink()  # so that the storage hands out the same name again
    with committed():
        photo.image = upload(name="same.jpg")
        photo.save()
    assert photo.image.name == "photos/same.jpg"
    assert ContentItem.objects.count() == 2


def test_saving_anything_else_submits_nothing(committed: Committed) -> None:
    with committed():
        photo = Photo.objects.create(image=upload())
    with committed():
        photo.title = "Lake"
        photo.save()
        photo.save(update_fields=["title"])
        Photo.objects.defer("image").get().save()
    assert ContentItem.objects.count() == 1
    assert HostedImage.objects.get().version == 1


@pytest.mark.parametrize("how", ["deleted", "emptied", "deleted by query"])
def test_what_leaves_the_site_is_erased_in_every_revision(committed: Committed, how: str) -> None:
    with committed():
        photo = Photo.objects.create(image=upload())
    with committed():
        photo.image = upload()
        photo.save()
    with committed():
        if how == "emptied":
            photo.image = ""
            photo.save()
        elif how == "deleted":
            photo.delete()
        else:
            Photo.objects.filter(pk=photo.pk).delete()
    assert ContentItem.objects.filter(erased_at=None).count() == 0
    assert not HostedImage.objects.exists()
    assert storages["media"].listdir("originals")[1] == []


def test_it_submits_what_found_the_storage_full_once_there_is_room(committed: Committed, settings: Any) -> None:
    asked = dict(settings.DEEPFAKE_GUARD)
    settings.DEEPFAKE_GUARD = {**asked, "STORAGE_CEILING_BYTES": 1}
    with committed():
        Photo.objects.create(image=upload())
    assert (HostedImage.objects.get().refused, ContentItem.objects.count()) == ("", 0)
    settings.DEEPFAKE_GUARD = asked
    overdue()
    hosting.sweep()
    assert HostedImage.objects.get().item == ContentItem.objects.get()


def test_a_legal_hold_delays_the_erasure(committed: Committed) -> None:
    with committed():
        photo = Photo.objects.create(image=upload())
    ContentItem.objects.update(legal_hold=True)
    with committed():
        photo.delete()
    assert ContentItem.objects.get().erased_at is None
    ContentItem.objects.update(legal_hold=False)
    overdue()
    hosting.sweep()
    assert ContentItem.objects.get().erased_at is not None


def test_proxies_children_and_abstract_parents_are_followed(committed: Committed) -> None:
    with committed():
        Shown.objects.create(image=upload())
        Panorama.objects.create(image=upload())
        member = Member.objects.create(avatar=upload(), banner=upload())
    by_platform = sorted(ContentItem.objects.values_list("platform__name", "external_id"))
    names = [name for name, _ in by_platform]
    assert names == ["Avatars", "Gallery", "Gallery", "This site"]
    assert by_platform[-1] == ("This site", "mia")
    assert by_platform[0][1] == f"gallery.member.avatar:{member.pk}"


def test_other_models_of_the_site_keep_their_quick_deletes() -> None:
    assert Collector(using="default").can_fast_delete(Note._base_manager.all())
    assert not Collector(using="default").can_fast_delete(Photo.objects.all())


def test_without_a_broker_the_row_is_the_queue(committed: Committed, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = Connection("redis://127.0.0.1:1/0", transport_options=dispatch.RING_OPTIONS)
    monkeypatch.setattr(dispatch, "_ring_connection", lambda: nowhere)
    with committed():
        Photo.objects.create(image=upload())
    scan = Scan.objects.get()
    assert scan.state == ScanState.QUEUED
    monkeypatch.undo()
    rung: list[Any] = []
    monkeypatch.setattr(dispatch, "_ring", lambda *told, **_: rung.append(told[1]))
    Scan.objects.update(next_attempt_at=timezone.now())
    with committed():
        scanning.sweep()
    assert rung == [scan.pk]


def test_a_storage_that_fails_while_saving_fails_no_request(
    committed: Committed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(submission, "store", full)
        with committed():
            Photo.objects.create(image=upload())
    assert not ContentItem.objects.exists()
    hosting.sweep()
    assert not ContentItem.objects.exists()  # not yet: the process that committed may still be at it
    overdue()
    hosting.sweep()
    assert ContentItem.objects.get().status == ItemStatus.QUEUED


def test_a_crash_between_commit_and_submission_loses_nothing() -> None:
    Photo.objects.create(image=upload())  # its callbacks are never run here
    overdue()
    assert hosting.sweep() == 1
    assert ContentItem.objects.count() == 1


def test_what_is_deleted_past_the_signals_is_erased_once_it_is_due(committed: Committed) -> None:
    with committed():
        photo = Photo.objects.create(image=upload())
    Photo.objects.filter(pk=photo.pk)._raw_delete("default")  # private, as raw SQL would be
    HostedImage.objects.update(due_at=timezone.now())
    hosting.sweep()
    overdue()
    hosting.sweep()
    assert ContentItem.objects.get().erased_at is not None


def test_a_process_without_the_sites_code_erases_nothing(committed: Committed, monkeypatch: pytest.MonkeyPatch) -> None:
    Photo.objects.create(image=upload())
    overdue()
    with monkeypatch.context() as bare:
        bare.setattr(registry, "_registered", {})
        hosting.sweep()
    row = HostedImage.objects.get()
    assert (row.gone_at, row.item) == (None, None)
    assert row.due_at is not None
    overdue()
    hosting.sweep()
    assert ContentItem.objects.count() == 1


def test_of_two_sweepers_one_submits(monkeypatch: pytest.MonkeyPatch) -> None:
    Photo.objects.create(image=upload())
    overdue()
    calls: list[Any] = []
    real = submission.submit

    def submit(*given: Any, **named: Any) -> Any:
        calls.append(given)
        hosting.sweep()  # the other one comes while this one is at it
        return real(*given, **named)

    monkeypatch.setattr(submission, "submit", submit)
    hosting.sweep()
    assert len(calls) == 1
    assert ContentItem.objects.count() == 1


def test_what_the_guard_does_not_take_is_kept_as_refused(committed: Committed) -> None:
    with committed():
        Photo.objects.create(image=upload(b"%PDF-1.7 no picture at all", "paper.pdf"))
    assert HostedImage.objects.get().refused == "unsupported_type"
    assert HostedImage.objects.get().due_at is None


def test_a_file_that_has_gone_is_named_so(committed: Committed, media: Path) -> None:
    with committed():
        photo = Photo.objects.create(image=upload())
        (media / photo.image.name).unlink()
    assert HostedImage.objects.get().refused == "missing_file"


def test_a_field_is_registered_under_one_policy_and_must_keep_files() -> None:
    with pytest.raises(registry.AlreadyRegistered):
        register(Photo, "image", policy="Another")
    with pytest.raises(TypeError, match="keeps no files"):
        register(Photo, "title")


def test_migrations_see_a_plain_image_field() -> None:
    _name, path, _args, options = Member._meta.get_field("avatar").deconstruct()
    assert path == "django.db.models.ImageField"
    assert set(options) == {"upload_to", "blank"}
