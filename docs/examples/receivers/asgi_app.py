"""A receiver without any framework: plain ASGI.

GUARD_WEBHOOK_SECRET=whsec_… uvicorn asgi_app:app
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import Any

from guard_webhooks import MOST_BYTES, NotBelieved, believed

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        raise RuntimeError("only HTTP is served")
    if scope["method"] != "POST" or scope["path"] != "/hooks/guard":
        return await answer(send, 404)
    body = await whole(receive)
    if body is None:
        return await answer(send, 413)
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    try:
        message_id, message = believed(os.environ["GUARD_WEBHOOK_SECRET"], headers, body)
    except NotBelieved as error:
        return await answer(send, 401, str(error))
    await take(message_id, message)
    return await answer(send, 204)


async def whole(receive: Receive) -> bytes | None:
    """The body; None when it is larger than any message of the guard."""
    body, more = b"", True
    while more:
        event = await receive()
        body += event.get("body", b"")
        more = event.get("more_body", False)
        if len(body) > MOST_BYTES:
            return None
    return body


async def answer(send: Send, status: int, text: str = "") -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8")] if text else []
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})


async def take(message_id: str, message: Any) -> None:
    """Yours: write both into a table where `message_id` is unique (a message can come twice), and work later."""
