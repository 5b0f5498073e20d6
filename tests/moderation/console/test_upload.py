from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from moderation.models import ContentItem, MediaAsset
from moderation.vocabulary import ItemSource, Priority
from tests.factories import make_platform, picture, report, screen
from tests.moderation.console.pages import text

pytestmark = pytest.mark.django_db
UPLOAD = reverse("guard:upload")
Desk = Callable[..., tuple[Client, User]]
ONE = {"X-Upload": "one"}


def file(content: bytes | None = None, name: str = "portrait.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, picture() if content is None else content, "image/jpeg")


def test_it_submits_under_the_chosen_platform_before_other_work(desk: Desk) -> None:
    make_platform("Agora")
    lumen = make_platform("Lumen Board")
    answer = desk()[0].post(UPLOAD, {"platform": str(lumen.pk), "files": file()}, headers=ONE)
    item = ContentItem.objects.get()
    assert (item.platform, item.source, item.priority) == (lumen, ItemSource.CONSOLE, Priority.INTERACTIVE)
    assert item.external_id.startswith("portrait.jpg-")
    assert reverse("guard:item-row", args=[item.pk]) in answer.content.decode()
    assert "queued" in text(answer)


def test_it_follows_an_item_until_it_has_ended_and_then_asks_no_more(desk: Desk) -> None:
    platform = make_platform()
    client, _ = desk()
    client.post(UPLOAD, {"platform": str(platform.pk), "files": file()}, headers=ONE)
    item = ContentItem.objects.get()
    row = reverse("guard:item-row", args=[item.pk])
    waiting = client.get(row)
    assert "No detector is running now. The file waits, and nothing is lost." in text(waiting)
    assert b"hx-trigger" in waiting.content
    screen(item, report(0))
    done = client.get(row)
    assert b"hx-trigger" not in done.content
    assert "0 of 700 genuine faces looked this unusual" in text(done)
    assert f"Case {item.cases.get().number}" in text(done)


def test_no_face_is_an_answer(desk: Desk) -> None:
    platform = make_platform()
    client, _ = desk()
    client.post(UPLOAD, {"platform": str(platform.pk), "files": file()}, headers=ONE)
    item = screen(ContentItem.objects.get(), report(status="not_applicable", reasons=["no_face"]))
    said = text(client.get(reverse("guard:item-row", args=[item.pk])))
    assert "No face found, so there is nothing to score. Not a fault." in said
    assert "not applicable" in said
    assert "allow" in said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"only words, no picture at all, but long enough", "save it as JPEG, PNG or WebP and upload that."),
        (b"\xff\xd8\xff\xe0", "The file is damaged. Save it again"),
    ],
)
def test_a_refusal_says_what_to_do_and_keeps_nothing(desk: Desk, content: bytes, said: str) -> None:
    platform = make_platform()
    answer = desk()[0].post(UPLOAD, {"platform": str(platform.pk), "files": file(content, "notes.jpg")}, headers=ONE)
    assert answer.status_code == 200
    assert said in text(answer)
    assert "refused" in text(answer)
    assert not MediaAsset.objects.exists()


def test_a_limit_is_named_with_its_figures(desk: Desk, settings: Any) -> None:
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "MAX_UPLOAD_BYTES": 1000}
    platform = make_platform()
    answer = desk()[0].post(UPLOAD, {"platform": str(platform.pk), "files": file()}, headers=ONE)
    assert "the limit is 1000. The file is too large. Save it smaller" in text(answer)


def test_without_a_script_several_files_go_in_one_form(desk: Desk) -> None:
    platform = make_platform()
    files = [file(name="one.jpg"), file(name="two.jpg"), file(b"words", "three.txt")]
    said = text(desk()[0].post(UPLOAD, {"platform": str(platform.pk), "files": files}))
    assert ContentItem.objects.count() == 2
    assert "three.txt Refused" in said
    assert "one.jpg-" in said


def test_it_remembers_this_sessions_files(desk: Desk) -> None:
    platform = make_platform()
    client, _ = desk()
    client.post(UPLOAD, {"platform": str(platform.pk), "files": file()}, headers=ONE)
    assert "portrait.jpg-" in text(client.get(UPLOAD))
    assert "portrait.jpg-" not in text(desk()[0].get(UPLOAD))


def test_it_says_so_when_no_file_or_no_platform_came(desk: Desk) -> None:
    client, _ = desk()
    assert "No platform takes content" in text(client.get(UPLOAD))
    make_platform()
    assert "No file came with the form" in text(client.post(UPLOAD, {}))
    refused = client.post(UPLOAD, {"platform": "nonsense", "files": file()}, headers=ONE)
    assert "No platform takes content now" in text(refused)


def test_a_name_is_shown_as_text(desk: Desk) -> None:
    platform = make_platform()
    answer = desk()[0].post(
        UPLOAD, {"platform": str(platform.pk), "files": file(b"words", "<img src=x onerror=alert(1)>.jpg")}, headers=ONE
    )
    assert b"<img src=x" not in answer.content
