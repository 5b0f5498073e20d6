"""`context`: what a platform tells the moderator beside the file."""

from __future__ import annotations

import json
from typing import Any

import pytest

from moderation.models import ContentItem
from tests.moderation.api.conftest import Caller

LARGEST = 8192


def nested(levels: int) -> dict[str, Any]:
    inner: Any = 1
    for _ in range(levels - 1):
        inner = [inner]
    return {"a": inner}


def sized(size: int, filler: str = "x") -> dict[str, str]:
    """An object of so many bytes of compact JSON in UTF-8."""
    left = size - len(b'{"a":""}')
    many, rest = divmod(left, len(filler.encode()))
    return {"a": filler * many + "x" * rest}


@pytest.mark.parametrize(
    "context",
    [
        {"post": {"title": "My cat 🐈", "tags": ["a", "b"], "likes": None}, "author": {"removed posts": 2}},
        {"items": 3, "author": {}},
        sized(LARGEST),
        sized(LARGEST, "é"),
        nested(8),
        {},
    ],
)
def test_it_keeps_any_object_and_tells_it_back(caller: Caller, context: dict[str, Any]) -> None:
    answer = caller.submit(context=json.dumps(context, indent=2))
    assert (answer.status_code, answer.json()["context"]) == (202, context)
    assert ContentItem.objects.get().context == context
    assert caller.get(answer.headers["Location"]).json()["context"] == context
    assert caller.get("/api/v1/items").json()["results"][0]["context"] == context


@pytest.mark.parametrize(
    ("context", "code"),
    [
        (json.dumps(sized(LARGEST + 1)), "context_too_large"),
        (json.dumps(sized(LARGEST + 1, "é"), ensure_ascii=False), "context_too_large"),
        (json.dumps(nested(9)), "context_too_deep"),
        ('{"a":' + "[" * 50_000 + "]" * 50_000 + "}", "context_too_deep"),
        ("no json", "invalid"),
        ("[]", "invalid"),
        ('{"author": []}', "invalid"),
        ('{"author": {"a": [1]}}', "invalid"),
        ('{"author": {"a": null}}', "invalid"),
        ('{"else": 1e999}', "invalid"),
        ('{"else": ["\\u0000"]}', "invalid"),
        ('{"\\ud800": 1}', "invalid"),
        (json.dumps({"author": {str(number): 1 for number in range(21)}}), "invalid"),
    ],
)
def test_it_refuses_what_is_too_large_too_deep_or_no_object(caller: Caller, context: str, code: str) -> None:
    answer = caller.submit(context=context)
    [error] = answer.json()["errors"]
    assert (answer.status_code, error["pointer"], error["code"]) == (400, "/context", code)
    assert not ContentItem.objects.exists()


def test_an_entry_of_a_batch_is_pointed_at(caller: Caller, settings: Any) -> None:
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "URL_SUBMISSIONS": True}
    url = "https://photos.example.org/1.jpg"
    entries = [
        {"url": url, "external_id": "a", "context": {"post": {"likes": 3}}},
        {"url": url, "external_id": "b", "context": sized(LARGEST + 1)},
    ]
    taken, refused = caller.post("/api/v1/items/batch", {"items": entries}, format="json").json()["results"]
    assert ContentItem.objects.get(pk=taken["item_id"]).context == {"post": {"likes": 3}}
    [error] = refused["problem"]["errors"]
    assert (error["pointer"], error["code"]) == ("/items/1/context", "context_too_large")


def test_json_without_end_is_no_fault_of_ours(caller: Caller) -> None:
    answer = caller.post("/api/v1/items", "[" * 100_000, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "parse_error")


def test_nobody_finds_an_item_by_it(caller: Caller) -> None:
    caller.submit(context=json.dumps({"secret": "needle"}))
    assert caller.get("/api/v1/items?context=needle").status_code == 400
