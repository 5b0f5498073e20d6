from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from moderation.models import ContentItem, Scan
from moderation.services import retention
from moderation.vocabulary import Priority
from tests import factories
from tests.moderation.api.conftest import Caller, stored

PROBLEM = "application/problem+json"


def test_it_accepts_an_upload_and_says_where_to_look(caller: Caller) -> None:
    answer = caller.submit()
    item = ContentItem.objects.get()
    assert answer.status_code == 202
    assert answer.headers["Location"].endswith(f"/api/v1/items/{item.pk}")
    assert answer.headers["Retry-After"] == "1"
    assert (answer.json()["status"], answer.json()["faces"]) == ("queued", [])


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 422, "empty"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "unsupported_type"),
        (b"\xff\xd8\xff\xe0\x00", 422, "malformed"),
    ],
)
def test_it_refuses_with_a_reason_and_keeps_nothing(caller: Caller, content: bytes, status: int, code: str) -> None:
    before = stored()
    answer = caller.submit(content)
    assert (answer.status_code, answer.headers["Content-Type"], answer.json()["code"]) == (status, PROBLEM, code)
    assert answer.json()["request_id"]
    assert not ContentItem.objects.exists()
    assert stored() == before


def test_it_refuses_what_is_too_large_before_it_is_stored(caller: Caller, settings: Any) -> None:
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "MAX_UPLOAD_BYTES": 2000}
    for size in (100 * 1024, 3000):
        answer = caller.submit(factories.picture() + b"\0" * size)
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert not ContentItem.objects.exists()


def test_it_answers_the_same_external_id_and_content_with_the_same_item(caller: Caller) -> None:
    content = factories.picture()
    first, second = caller.submit(content), caller.submit(content)
    assert first.json()["id"] == second.json()["id"]
    assert caller.submit().json()["revision"] == 2


def test_no_upload_leaves_a_temporary_file(caller: Caller, settings: Any, tmp_path: Path) -> None:
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "MAX_UPLOAD_BYTES": 50_000}
    assert caller.submit().status_code == 202
    assert caller.submit(b"no picture").status_code == 415
    assert caller.submit(b"\0" * 60_000).status_code == 413
    assert caller.submit(external_id="x" * 2_000_000).status_code == 413
    cut_off = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + factories.picture()
    answer = caller.post("/api/v1/items", cut_off, content_type="multipart/form-data; boundary=x")
    assert answer.status_code == 400
    assert list(tmp_path.iterdir()) == []


def test_many_files_in_one_request_share_the_limit(caller: Caller, settings: Any) -> None:
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "MAX_UPLOAD_BYTES": 50_000}
    others: dict[str, Any] = {f"file{n}": SimpleUploadedFile("a.jpg", b"\0" * 20_000) for n in range(3)}
    assert caller.submit(**others).status_code == 413


def test_it_keeps_no_author_but_a_keyed_hash(caller: Caller) -> None:
    caller.submit(author_ref="alice@example.org")
    kept = ContentItem.objects.get().author_digest
    assert len(kept) == 64
    assert kept != hashlib.sha256(b"alice@example.org").hexdigest()


def test_it_takes_the_priority(caller: Caller) -> None:
    caller.submit(priority="interactive")
    assert Scan.objects.get().priority == Priority.INTERACTIVE


def test_it_refuses_beyond_the_storage_ceiling(caller: Caller, settings: Any) -> None:
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "STORAGE_CEILING_BYTES": 100}
    answer = caller.submit()
    assert (answer.status_code, answer.json()["code"]) == (409, "storage_full")


def test_it_leaves_the_answer_to_the_platforms_own_policy_when_the_content_is_known(caller: Caller) -> None:
    content = factories.picture()
    caller.submit(content)
    factories.screen(ContentItem.objects.get(), factories.report(3))
    told = caller.submit(content, external_id="post-2").json()
    assert (told["status"], told["verdict"]["outcome"], len(told["faces"])) == ("done", "review", 1)


def test_it_keeps_what_the_host_says_of_the_author(caller: Caller) -> None:
    record = {"author": {"member since": "2019", "removed posts": 2, "verified": True}}
    assert caller.submit(context=json.dumps(record)).status_code == 202
    item = ContentItem.objects.get()
    assert item.context == record
    retention.erase(item, actor="system")
    item.refresh_from_db()
    assert item.context == {}
