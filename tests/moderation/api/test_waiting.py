"""`Prefer: wait=…` on a submission (RFC 7240), through Django's ASGI handler."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import AsyncClient
from django.urls import resolve

from moderation.api import waiting
from moderation.models import ContentItem
from moderation.services import retention
from tests import factories
from tests.moderation.api.conftest import Caller

pytestmark = pytest.mark.django_db(transaction=True)  # the watch asks on a connection of its own
Submit = Callable[..., Coroutine[Any, Any, Any]]


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "TICK_SECONDS", 0.01)


@pytest.fixture
def submit() -> Submit:
    secret = factories.make_key(factories.make_platform())[1]
    client = AsyncClient()

    async def post(prefer: str, content: bytes | None = None, **headers: str) -> Any:
        upload = SimpleUploadedFile("a.jpg", factories.picture() if content is None else content, "image/jpeg")
        sent = {"Authorization": f"Bearer {secret}", "Prefer": prefer, **headers}
        return await client.post("/api/v1/items", {"file": upload, "external_id": "post-1"}, headers=sent)

    return post


async def there() -> ContentItem:
    for _ in range(1000):
        if (item := await ContentItem.objects.afirst()) is not None:
            return item
        await asyncio.sleep(0.01)
    raise AssertionError("nothing was submitted")


def test_the_answer_comes_when_the_item_has_ended(submit: Submit) -> None:
    async def both() -> Any:
        answer = asyncio.create_task(submit("wait=9"))
        await sync_to_async(factories.screen)(await there(), factories.report(3))
        return await answer

    answer = async_to_sync(both)()
    assert (answer.status_code, answer.headers["Preference-Applied"]) == (200, "wait=9")
    assert (answer.json()["status"], answer.json()["verdict"]["outcome"]) == ("done", "review")
    assert answer.headers["Location"].endswith(answer.json()["id"])
    assert "Retry-After" not in answer.headers


def test_times_are_told_in_utc_wherever_the_host_is(submit: Submit, settings: Any) -> None:
    settings.TIME_ZONE = "Asia/Tokyo"
    content = factories.picture()
    async_to_sync(submit)("", content)
    factories.screen(ContentItem.objects.get(), factories.report(350))
    item = async_to_sync(submit)("wait=1", content).json()
    assert [item[when][-1] for when in ("created_at", "finished_at")] == ["Z", "Z"]
    assert item["verdict"]["created_at"].endswith("Z")


def test_when_the_time_is_over_the_item_is_told_as_it_stands(submit: Submit) -> None:
    answer = async_to_sync(submit)("wait=1")
    assert (answer.status_code, answer.headers["Preference-Applied"]) == (202, "wait=1")
    assert (answer.json()["status"], answer.headers["Retry-After"]) == ("queued", "1")


def test_an_item_that_has_ended_already_is_not_waited_for(submit: Submit) -> None:
    content = factories.picture()
    async_to_sync(submit)("", content)
    factories.screen(ContentItem.objects.get(), factories.report(350))
    answer = async_to_sync(submit)("wait=9", content)
    assert (answer.status_code, answer.json()["status"]) == (200, "done")


def test_an_item_erased_meanwhile_ends_the_waiting(submit: Submit) -> None:
    async def both() -> Any:
        answer = asyncio.create_task(submit("wait=9"))
        await sync_to_async(retention.erase)(await there(), actor=factories.ACTOR)
        return await answer

    gone = async_to_sync(both)()
    assert (gone.status_code, gone.headers["Content-Type"], gone.json()["code"]) == (
        410,
        "application/problem+json",
        "erased",
    )
    assert "RateLimit" in gone.headers
    assert {"Location", "Retry-After"}.isdisjoint(gone.headers)


def test_a_refusal_is_not_held(submit: Submit) -> None:
    answer = async_to_sync(submit)("wait=9", b"")
    assert (answer.status_code, answer.json()["code"]) == (422, "empty")
    assert "Preference-Applied" not in answer.headers


def test_a_stored_answer_is_told_as_it_was_unless_the_caller_waits(submit: Submit) -> None:
    content = factories.picture()
    key = {"Idempotency-Key": "k1"}
    async_to_sync(submit)("", content, **key)
    factories.screen(ContentItem.objects.get(), factories.report(350))
    assert async_to_sync(submit)("", content, **key).json()["status"] == "queued"
    held = async_to_sync(submit)("wait=9", content, **key)
    assert (held.status_code, held.json()["status"]) == (200, "done")


def test_many_wait_on_one_look(submit: Submit, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    really = waiting._ended

    def counted(item_ids: list[Any]) -> list[Any]:
        asked.append(len(item_ids))
        return really(item_ids)

    monkeypatch.setattr(waiting, "_ended", counted)

    async def all_of_them() -> list[Any]:
        return await asyncio.gather(*(submit("wait=1") for _ in range(5)))

    assert {answer.status_code for answer in async_to_sync(all_of_them)()} == {202}
    assert max(asked) > 1, "several in one query"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("wait=8", 8),
        ("respond-async, wait=8", 8),
        ('WAIT = "3"; x=y', 3),
        ("wait=600", 10),
        ("wait=3, wait=9", 3),
        ("wait=0", 0),
        ("wait=-1", 0),
        ("wait=eight", 0),
        ("wait", 0),
        ("", 0),
        ("await=8", 0),
    ],
)
def test_it_reads_the_header_as_rfc_7240_has_it(header: str, seconds: int) -> None:
    assert waiting.wanted(header) == seconds


def test_under_wsgi_the_preference_is_ignored(caller: Caller) -> None:
    answer = caller.submit(headers={"Prefer": "wait=9"})
    assert answer.status_code == 202
    assert "Preference-Applied" not in answer.headers


def test_it_is_an_async_view_that_a_hosts_atomic_requests_let_be() -> None:
    view: Any = resolve("/api/v1/items").func
    assert inspect.iscoroutinefunction(view)
    assert view._non_atomic_requests == {"default"}
    assert view.csrf_exempt
