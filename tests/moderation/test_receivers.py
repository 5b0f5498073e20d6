"""The receivers in docs/examples/receivers believe what the guard and the reference library sign, and nothing else."""

from __future__ import annotations

import asyncio
import base64
import importlib
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
from django.test import RequestFactory
from standardwebhooks import Webhook, WebhookVerificationError

from moderation import signing
from moderation.vocabulary import EventType

FOLDER = Path(__file__).parents[2] / "docs/examples/receivers"
BODY = '{"type":"item.screened","timestamp":"2026-11-25T08:17:12+00:00","data":{"external_id":"post-ü"}}'.encode()
MESSAGE_ID = "01a211c7-bcf7-76eb-8012-2ba41107f28d"
SECRET = signing.new_secret()

Call = Callable[[dict[str, str], bytes], int]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ModuleType]]:
    """By its file's name, as somebody runs it who has copied the folder."""
    monkeypatch.syspath_prepend(str(FOLDER))
    before = set(sys.modules)
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if name in {path.stem for path in FOLDER.glob("*.py")}:
            del sys.modules[name]


@pytest.fixture(params=["django_view", "flask_app", "asgi_app"])
def receiver(
    request: pytest.FixtureRequest, load: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch, settings: Any
) -> tuple[Call, list[Any]]:
    """A POST to the receiver, which answers its status; and what it took."""
    module, taken = load(request.param), []
    settings.GUARD_WEBHOOK_SECRET = SECRET
    monkeypatch.setenv("GUARD_WEBHOOK_SECRET", SECRET)

    def take(message_id: str, message: Any) -> None:
        taken.append((message_id, message))

    async def take_later(message_id: str, message: Any) -> None:
        take(message_id, message)

    monkeypatch.setattr(module, "take", take_later if request.param == "asgi_app" else take)
    return {"django_view": through_django, "flask_app": through_flask, "asgi_app": through_asgi}[request.param](
        module
    ), taken


def through_django(module: ModuleType) -> Call:
    def call(headers: dict[str, str], body: bytes) -> int:
        made = RequestFactory().post("/hooks/guard", body, content_type="application/json", headers=headers)
        return int(module.guard_hook(made).status_code)

    return call


def through_flask(module: ModuleType) -> Call:
    return lambda headers, body: int(
        module.app.test_client().post("/hooks/guard", data=body, headers=headers).status_code
    )


def through_asgi(module: ModuleType) -> Call:
    async def call(headers: dict[str, str], body: bytes) -> int:
        transport = httpx.ASGITransport(app=module.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://receiver") as client:
            return (await client.post("/hooks/guard", content=body, headers=headers)).status_code

    return lambda headers, body: asyncio.run(call(headers, body))


def by_us(secret: str = SECRET, *, at: float | None = None, older: tuple[str, ...] = ()) -> dict[str, str]:
    return signing.headers(secret, MESSAGE_ID, int(time.time() if at is None else at), BODY, older=older)


def by_the_library(secret: str = SECRET) -> dict[str, str]:
    now = datetime.now(tz=UTC)
    signature = Webhook(secret).sign(MESSAGE_ID, now, BODY.decode())
    stamp = str(int(now.timestamp()))
    return {"webhook-id": MESSAGE_ID, "webhook-timestamp": stamp, "webhook-signature": signature}


@pytest.mark.parametrize("signed", [by_us, by_the_library])
def test_it_takes_what_the_guard_and_the_reference_library_sign(
    receiver: tuple[Call, list[Any]], signed: Callable[[], dict[str, str]]
) -> None:
    call, taken = receiver
    assert call(signed(), BODY) == 204
    [(message_id, message)] = taken
    assert (message_id, message["type"]) == (MESSAGE_ID, EventType.ITEM_SCREENED)
    assert message["data"] == {"external_id": "post-ü"}
    assert Webhook(SECRET).verify(BODY, signed()) == message, "and the library says the same"


@pytest.mark.parametrize("known", ["old", "new"])
def test_a_message_with_two_signatures_is_taken_by_who_knows_either(
    receiver: tuple[Call, list[Any]], known: str
) -> None:
    call, taken = receiver
    other = signing.new_secret()
    headers = by_us(other, older=(SECRET,)) if known == "old" else by_us(SECRET, older=(other,))
    assert len(headers["webhook-signature"].split(" ")) == 2
    assert call(headers, BODY) == 204
    assert Webhook(SECRET).verify(BODY, headers) == taken[0][1]


@pytest.mark.parametrize("off", [-301, 302, -86_400])
def test_it_takes_nothing_that_is_too_old_or_too_new(receiver: tuple[Call, list[Any]], off: int) -> None:
    call, taken = receiver
    headers = by_us(at=time.time() + off)
    assert (call(headers, BODY), taken) == (401, [])
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(BODY, headers)


def test_it_takes_no_body_that_was_tampered_with(receiver: tuple[Call, list[Any]]) -> None:
    call, taken = receiver
    assert (call(by_us(), BODY.replace(b"screened", b"failed")), taken) == (401, [])


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "01a211c7-bcf7-76eb-8012-000000000000"},
        {"webhook-timestamp": "soon"},
        {"webhook-signature": "v1," + base64.b64encode(b"\0" * 32).decode()},
        {"webhook-signature": "v1a,abc"},
        {"webhook-signature": ""},
        {"webhook-id": ""},
    ],
)
def test_it_takes_nothing_whose_headers_were_changed(receiver: tuple[Call, list[Any]], change: dict[str, str]) -> None:
    call, taken = receiver
    assert (call({**by_us(), **change}, BODY), taken) == (401, [])


def test_it_takes_nothing_whose_time_was_moved(receiver: tuple[Call, list[Any]]) -> None:
    call, taken = receiver
    headers = by_us()
    headers["webhook-timestamp"] = str(int(headers["webhook-timestamp"]) - 7)
    assert (call(headers, BODY), taken) == (401, [])


def test_it_takes_nothing_that_another_secret_signed(receiver: tuple[Call, list[Any]]) -> None:
    call, taken = receiver
    assert (call(by_us(signing.new_secret()), BODY), taken) == (401, [])
