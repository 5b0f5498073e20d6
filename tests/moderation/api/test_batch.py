from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from moderation.models import ContentItem, Fetch, IdempotencyKey
from moderation.services import limits
from tests import factories
from tests.moderation.api.conftest import Caller, stored

WHERE = "/api/v1/items/batch"


def upload(content: bytes | None = None) -> SimpleUploadedFile:
    return SimpleUploadedFile("a.jpg", factories.picture() if content is None else content, "image/jpeg")


def send(caller: Caller, entries: Any, headers: dict[str, str] | None = None, **files: Any) -> Any:
    manifest = entries if isinstance(entries, str) else json.dumps(entries)
    return caller.post(WHERE, {"items": manifest, **files}, format="multipart", headers=headers or {})


def test_each_entry_has_its_own_result(caller: Caller) -> None:
    entries = [
        {"external_id": "a", "file": "one", "author_ref": "alice", "context": {"author": {"posts": 2}}, "policy": 1},
        {"external_id": "b", "file": "two", "priority": "backfill"},
        {"external_id": "c", "file": "three"},
        {"external_id": "", "file": "four", "priority": "now"},
        {"external_id": "e", "file": "nowhere"},
        {"external_id": "f"},
        {"external_id": "g", "file": "five", "policy": 7},
    ]
    answer = send(caller, entries, one=upload(), two=upload(), three=upload(b"<svg/>"), four=upload(), five=upload())
    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [result["index"] for result in results] == list(range(7))
    assert [result["external_id"] for result in results] == ["a", "b", "c", "", "e", "f", "g"]
    assert [result["status"] for result in results] == ["queued", "queued", *[None] * 5]
    codes = [result["problem"] and result["problem"]["code"] for result in results]
    assert codes == [None, None, "unsupported_type", "invalid", "missing_file", "missing_file", "invalid"]
    pointers = {
        error["pointer"] for result in results if result["problem"] for error in result["problem"].get("errors", [])
    }
    assert pointers == {
        "/items/3/external_id",
        "/items/3/priority",
        "/items/4/file",
        "/items/5/file",
        "/items/6/policy",
    }
    a = ContentItem.objects.get(external_id="a")
    assert (results[0]["item_id"], len(a.author_digest), a.context) == (str(a.pk), 64, {"author": {"posts": 2}})
    assert caller.get(results[0]["location"]).status_code == 200
    assert ContentItem.objects.count() == 2


def test_addresses_may_come_as_json(caller: Caller, settings: Any) -> None:
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "URL_SUBMISSIONS": True}
    urls = ["https://photos.example/1.jpg", "http://photos.example/2.jpg"]
    entries = [{"external_id": url, "url": url} for url in urls]
    good, bad = caller.post(WHERE, {"items": entries}, format="json").json()["results"]
    assert (good["status"], good["problem"]) == ("queued", None)
    assert (bad["problem"]["code"], bad["problem"]["errors"][0]["pointer"]) == ("url_not_allowed", "/items/1/url")
    assert Fetch.objects.get().url == urls[0]


def test_it_refuses_two_files_of_one_name(caller: Caller) -> None:
    answer = send(caller, [{"external_id": "a", "file": "one"}], one=[upload(), upload()])
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/one")
    assert not ContentItem.objects.exists()


def test_what_is_refused_leaves_no_file(caller: Caller) -> None:
    before = stored()
    send(
        caller,
        [{"external_id": "a", "file": "one", "policy": 9}, {"external_id": "b", "file": "two"}],
        one=upload(),
        two=upload(b""),
    )
    assert stored() == before


@pytest.mark.parametrize(
    "entries", ["no json", "[]", "{}", "[1]", "[[]]", "null", json.dumps([{}] * 101), "[" * 100_000]
)
def test_a_list_that_is_none_is_refused_whole(caller: Caller, entries: str) -> None:
    answer = send(caller, entries)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/items")
    assert caller.post(WHERE, [1], format="json").status_code == 400


def test_a_file_that_no_entry_names_is_pointed_at(caller: Caller) -> None:
    answer = send(caller, [{"external_id": "a", "file": "one"}], one=upload(), two=upload())
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/two")
    assert not ContentItem.objects.exists()


def test_one_file_is_one_entrys(caller: Caller) -> None:
    first, second = send(
        caller, [{"external_id": "a", "file": "one"}, {"external_id": "b", "file": "one"}], one=upload()
    ).json()["results"]
    assert (first["problem"], second["problem"]["code"]) == (None, "missing_file")


def test_a_hundred_go_in_one_request(caller: Caller) -> None:
    files: dict[str, Any] = {f"f{number}": upload() for number in range(100)}
    results = send(caller, [{"external_id": name, "file": name} for name in files], **files).json()["results"]
    assert [result["status"] for result in results] == ["queued"] * 100
    assert ContentItem.objects.count() == 100


def test_the_files_share_the_limit(caller: Caller, settings: Any) -> None:
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "MAX_UPLOAD_BYTES": 50_000}
    files: dict[str, Any] = {f"f{number}": upload(b"\0" * 20_000) for number in range(3)}
    assert send(caller, [{"external_id": name, "file": name} for name in files], **files).status_code == 413


def test_the_quota_ends_within_a_batch(caller: Caller) -> None:
    limits.set_limits(
        caller.platform, items_per_day=1, storage_bytes=None, calls_per_minute=None, actor=factories.ACTOR
    )
    caller.platform.refresh_from_db()
    first, second = send(
        caller, [{"external_id": "a", "file": "one"}, {"external_id": "b", "file": "two"}], one=upload(), two=upload()
    ).json()["results"]
    assert first["problem"] is None
    assert (second["problem"]["status"], second["problem"]["code"]) == (429, "quota_exceeded")


def test_an_idempotency_key_covers_the_batch(caller: Caller) -> None:
    content = factories.picture()
    entries = [{"external_id": "a", "file": "one"}, {"external_id": "b", "file": "two"}]
    key = {"Idempotency-Key": "k1"}
    first = send(caller, entries, key, one=upload(content), two=upload(b""))
    assert send(caller, entries, key, one=upload(content), two=upload(b"")).json() == first.json()
    assert ContentItem.objects.count() == 1
    other = send(caller, entries, key, one=upload(content), two=upload(content))
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    swapped = send(caller, entries[::-1], key, one=upload(content), two=upload(b""))
    assert swapped.status_code == 422


def test_its_stored_answer_outlives_an_erasure_and_tells_nothing_of_it(caller: Caller) -> None:
    key = {"Idempotency-Key": "k1"}
    [result] = send(caller, [{"external_id": "a", "file": "one"}], key, one=upload()).json()["results"]
    assert caller.delete(result["location"]).status_code == 204
    kept = json.dumps(IdempotencyKey.objects.get().answer)
    assert "sha256" not in kept
    assert "media_type" not in kept


def test_it_needs_the_scope_to_write_and_makes_items_of_its_own_platform(caller_with: Callable[..., Caller]) -> None:
    assert send(caller_with("items:read"), [{"external_id": "a", "file": "one"}], one=upload()).status_code == 403
    mine, other = caller_with(), caller_with()
    [result] = send(mine, [{"external_id": "a", "file": "one"}], one=upload()).json()["results"]
    assert other.get(result["location"]).status_code == 404


def test_what_is_no_text_is_told_without_a_fault(caller: Caller) -> None:
    half = "\ud800"
    entries = [{"external_id": half, "priority": half}, {"external_id": "b", "context": {"author": {half: 1}}}]
    answer = send(caller, json.dumps(entries))
    assert answer.status_code == 200
    assert [result["problem"]["status"] for result in answer.json()["results"]] == [400, 400]


def test_an_answer_that_tells_null_characters_again_can_be_kept(caller: Caller) -> None:
    entries = [{"external_id": "a\0b", "priority": "\0"}, {"external_id": "b", "\0": 1}]
    headers = {"Idempotency-Key": "k1"}
    answer = caller.post("/api/v1/items/batch", {"items": entries}, format="json", headers=headers)
    assert answer.status_code == 200
    assert "\\u0000" not in answer.content.decode()
    assert (
        caller.post("/api/v1/items/batch", {"items": entries}, format="json", headers=headers).json() == answer.json()
    )
