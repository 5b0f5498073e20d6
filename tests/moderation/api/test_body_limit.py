"""The ASGI door: Django would spool a body of any length before a view could refuse it."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.asgi import get_asgi_application

from moderation.api.uploads import BATCH_BODY, FILES_A_BODY, FORM_OVERHEAD, ORDINARY_BODY, BodyLimit, body_limit
from tests.moderation.api.conftest import Caller

KIB = 1024


def ask(chunks: int, headers: dict[str, str]) -> tuple[list[dict[str, Any]], int]:
    """POST `chunks` × 64 KiB; gives the messages sent back and how many chunks were taken in."""
    sent: list[dict[str, Any]] = []
    taken = 0

    async def receive() -> dict[str, Any]:
        nonlocal taken
        if taken == chunks:
            await asyncio.sleep(3600)  # the client waits for its answer
        taken += 1
        return {"type": "http.request", "body": b"\0" * 64 * KIB, "more_body": taken < chunks}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/api/v1/items",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in {"host": "localhost", **headers}.items()],
    }
    with ThreadPoolExecutor(1) as pool:  # a browser test of the same run may hold a loop in this thread
        pool.submit(asyncio.run, BodyLimit(get_asgi_application())(scope, receive, send)).result()
    return sent, taken


def test_it_refuses_a_declared_length_unread(settings: Any) -> None:
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "MAX_UPLOAD_BYTES": 10 * KIB}
    sent, taken = ask(1000, {"content-length": str(1000 * 64 * KIB)})
    assert (sent[0]["status"], taken) == (413, 0)
    problem = json.loads(sent[1]["body"])
    assert (problem["code"], problem["request_id"].encode()) == ("too_large", dict(sent[0]["headers"])[b"x-request-id"])


def test_it_stops_an_undeclared_length_in_mid_stream(settings: Any) -> None:
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "MAX_UPLOAD_BYTES": 10 * KIB}
    sent, taken = ask(1000, {})
    assert sent[0]["status"] == 413
    assert taken <= ORDINARY_BODY // (64 * KIB) + 1


def test_it_takes_a_files_worth_only_where_files_are_sent_and_from_whom_says_who_they_are(settings: Any) -> None:
    size = 50 * KIB * KIB
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "MAX_UPLOAD_BYTES": size}
    key, cookie = {b"authorization": b"Bearer dg_abcdefgh_x"}, {b"cookie": b"theme=dark; sessionid=x"}
    form = {**key, b"content-type": b"multipart/form-data; boundary=x"}
    assert body_limit("/api/v1/items", form) == body_limit("/api/v1/items/batch", form) == size + FORM_OVERHEAD
    assert body_limit("/api/v1/items", key) == body_limit("/api/v1/items/batch", key) == BATCH_BODY
    assert body_limit("/upload/", cookie) == FILES_A_BODY * (size + FORM_OVERHEAD)
    stranger: dict[bytes, bytes] = {b"authorization": b"Basic x", b"cookie": b"theme=dark"}
    for path, headers in (
        ("/api/v1/items", {}),
        ("/api/v1/items", stranger),
        ("/api/v1/items", cookie),
        ("/upload/", {}),
        ("/upload/", stranger),
        ("/upload/", key),
        ("/login/", cookie),
        ("/nowhere/upload/", cookie),
        ("/nowhere/api/v1/items", key),
        ("/api/v1/detector", key),
    ):
        assert body_limit(path, headers) == ORDINARY_BODY, (path, headers)


def test_it_lets_what_may_be_an_upload_pass_to_the_view(settings: Any) -> None:
    sent, _ = ask(4, {"content-length": str(4 * 64 * KIB)})
    assert sent[0]["status"] == 401, "no key: the view's own answer"


@pytest.mark.parametrize(
    ("path", "limit"),
    [
        ("/api/v1/items", ORDINARY_BODY),
        ("/api/v1/items/batch", BATCH_BODY),
        ("/api/v1/decisions/import", ORDINARY_BODY),
    ],
)
def test_json_is_read_up_to_a_limit_whatever_server_a_host_has(
    caller: Caller, settings: Any, path: str, limit: int
) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = None
    for size, status in ((limit, 400), (limit + 1, 413)):
        answer = caller.post(path, b" " * (size - 2) + b"{}", content_type="application/json")
        assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert answer.json()["code"] == "too_large"
