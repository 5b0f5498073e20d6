from __future__ import annotations

from typing import Any

import pytest

from moderation.models import ContentItem, Fetch
from tests import factories
from tests.moderation.api.conftest import Caller

URL = "https://photos.example/4711.jpg"


@pytest.fixture(autouse=True)
def _enabled(settings: Any) -> None:
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "URL_SUBMISSIONS": True}


def send(caller: Caller, form: str = "json", headers: dict[str, str] | None = None, **fields: Any) -> Any:
    body = {"url": URL, "external_id": "post-1", **fields}
    return caller.post("/api/v1/items", body, format=form, headers=headers or {})


@pytest.mark.parametrize("form", ["json", "multipart"])
def test_it_is_taken_in_at_once_and_waits_for_its_file(caller: Caller, form: str) -> None:
    answer = send(caller, form, author_ref="alice", priority="interactive", policy=1)
    assert (answer.status_code, answer.json()["status"], answer.json()["media_type"]) == (202, "queued", None)
    item = ContentItem.objects.get()
    assert answer.headers["Location"].endswith(f"/api/v1/items/{item.pk}")
    assert Fetch.objects.get(item=item).url == URL
    assert (len(item.author_digest), item.priority, item.policy is not None) == (64, 0, True)
    assert caller.get(answer.headers["Location"]).json()["status"] == "queued"


def test_its_context_is_an_object_in_json(caller: Caller) -> None:
    record = {"author": {"member since": "2019"}}
    assert send(caller, context=record).status_code == 202
    assert ContentItem.objects.get().context == record


@pytest.mark.parametrize("context", [{"author": {"a": "\0"}}, {"author": 1}, [], "{"])
def test_another_kind_of_context_is_pointed_at(caller: Caller, context: Any) -> None:
    answer = send(caller, context=context)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/context")


def test_it_is_off_unless_the_server_has_it(caller: Caller, settings: Any) -> None:
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "URL_SUBMISSIONS": False}
    answer = send(caller)
    [error] = answer.json()["errors"]
    assert (answer.status_code, error["pointer"], error["code"]) == (400, "/url", "url_not_enabled")
    assert not ContentItem.objects.exists()


@pytest.mark.parametrize(
    "url",
    [
        "http://photos.example/a.jpg",
        "ftp://photos.example/a.jpg",
        "https://user:pw@photos.example/",
        "https://photos.example/\r\nHost: inside",
        "https://[::1",
        "no url",
    ],
)
def test_what_is_no_plain_https_address_is_refused_at_once(caller: Caller, url: str) -> None:
    answer = send(caller, url=url)
    assert (answer.status_code, answer.json()["code"]) == (400, "url_not_allowed")
    assert answer.json()["errors"][0]["pointer"] == "/url"
    assert not ContentItem.objects.exists()


def test_neither_both_nor_none_is_a_submission(caller: Caller) -> None:
    both = caller.submit(url=URL)
    assert (both.status_code, both.json()["errors"][0]["pointer"]) == (400, "/url")
    neither = caller.post("/api/v1/items", {"external_id": "post-1"}, format="json")
    assert (neither.status_code, neither.json()["code"]) == (400, "missing_file")


def test_an_idempotency_key_covers_the_address(caller: Caller) -> None:
    key = {"Idempotency-Key": "k1"}
    first = send(caller, headers=key)
    assert send(caller, headers=key).json() == first.json()
    assert send(caller, headers=key, url=f"{URL}?v=2").status_code == 422
    assert ContentItem.objects.count() == 1


def test_erasing_it_forgets_the_address(caller: Caller) -> None:
    assert caller.delete(send(caller).headers["Location"]).status_code == 204
    assert not Fetch.objects.exists()


def test_a_list_tells_it_too(caller: Caller) -> None:
    send(caller)
    factories.make_item(caller.platform)
    assert [item["sha256"] is None for item in caller.get("/api/v1/items").json()["results"]] == [False, True]
