"""Uploads go to a temporary file, never into memory, and stop at the limit instead of filling the disk.

The file is nobody else's (mode 0600) and goes with its request, whatever becomes of it.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from typing import Any

import structlog
from django.conf import settings
from django.core.files.uploadhandler import TemporaryFileUploadHandler
from django.http import parse_cookie
from django.urls import reverse

from moderation.conf import conf
from moderation.intake import Refused
from moderation.vocabulary import Reason

FORM_OVERHEAD = 64 * 1024
FILES_A_BODY = 8  # the console's upload page may send several files at once; the API's together may be as large as one
ORDINARY_BODY = 1024 * 1024
BATCH_BODY = 2 * ORDINARY_BODY  # a hundred addresses, each with a context of 8 kB

log = structlog.get_logger(__name__)

Message = Mapping[str, Any]
App = Callable[[Any, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]


class LimitedUploadHandler(TemporaryFileUploadHandler):
    """Raises Refused as soon as the files of one request pass MAX_UPLOAD_BYTES together."""

    def handle_raw_input(self, input_data: Any, META: Any, content_length: int, *rest: Any) -> None:  # noqa: N803
        self.limit = conf().MAX_UPLOAD_BYTES
        self.received = 0
        if content_length > self.limit + FORM_OVERHEAD:
            raise self.too_large()
        super().handle_raw_input(input_data, META, content_length, *rest)

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self.digest = hashlib.sha256()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.received += len(raw_data)
        if self.received > self.limit:
            self.file.close()  # which deletes it
            raise self.too_large()
        self.digest.update(raw_data)
        super().receive_data_chunk(raw_data, start)

    def file_complete(self, file_size: int) -> Any:
        """The file with `sha256`, hexadecimal: it need not be read again."""
        file: Any = super().file_complete(file_size)
        file.sha256 = self.digest.hexdigest()
        return file

    def too_large(self) -> Refused:
        return Refused(Reason.TOO_LARGE, f"the limit is {self.limit} bytes")


def body_limit(path: str, headers: Mapping[bytes, bytes]) -> int:
    """Bytes: a file's worth where files are sent as a form, by whom shows a key or a session; else a megabyte or two.

    Whether these are good is the view's to find out: looking them up here would put a query before every refusal.
    """
    file = conf().MAX_UPLOAD_BYTES + FORM_OVERHEAD
    api, desk = _where_files_go()
    scheme, _, key = headers.get(b"authorization", b"").partition(b" ")
    if path in api and scheme.lower() == b"bearer" and key.strip().startswith(b"dg_"):
        form = headers.get(b"content-type", b"").lower().startswith(b"multipart/")
        return max(file, BATCH_BODY) if form else BATCH_BODY
    if path == desk and settings.SESSION_COOKIE_NAME in parse_cookie(headers.get(b"cookie", b"").decode("latin-1")):
        return max(FILES_A_BODY * file, ORDINARY_BODY)
    return ORDINARY_BODY


@cache
def _where_files_go() -> tuple[set[str], str]:
    return {reverse("guard:api:items"), reverse("guard:api:items_batch")}, reverse("guard:upload")


class BodyLimit:
    """ASGI middleware. Django spools a whole body to disk before any view can refuse it, so what is far too long ends
    here: by its Content-Length, or in mid-stream where it has none. Answers 413 with a problem document.
    """

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        limit = body_limit(scope["path"].removeprefix(scope.get("root_path", "")), headers)
        declared = headers.get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > limit:
            await self.refuse(send)
            return
        received = 0

        async def counting() -> Message:
            nonlocal received
            message: Message = await receive()
            received += len(message.get("body", b""))
            return message if received <= limit else {"type": "http.disconnect"}  # Django stops and answers nothing

        await self.app(scope, counting, send)
        if received > limit:
            await self.refuse(send)

    async def refuse(self, send: Any) -> None:
        request_id = uuid.uuid4().hex
        log.info("body_too_large", request_id=request_id)
        problem = {
            "type": "about:blank",
            "title": "Request Entity Too Large",
            "status": 413,
            "detail": "the request is far larger than any upload may be",
            "code": Reason.TOO_LARGE.value,
            "request_id": request_id,
        }
        headers = [
            (b"content-type", b"application/problem+json"),
            (b"connection", b"close"),
            (b"x-request-id", request_id.encode()),
        ]
        await send({"type": "http.response.start", "status": 413, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(problem).encode()})
