"""WhiteNoise for async servers. Its own middleware only knows the blocking way, and so would hold a thread for as long
as any request lasts, also for one that waits (`Prefer: wait`)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponseBase
from whitenoise.middleware import WhiteNoiseMiddleware


class StaticFilesMiddleware(WhiteNoiseMiddleware):  # type: ignore[misc]
    sync_capable = async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        super().__init__(get_response)
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        return self.later(request) if iscoroutinefunction(self) else super().__call__(request)

    async def later(self, request: HttpRequest) -> HttpResponseBase:
        answer: Any = super().__call__(request)  # a file's, or the rest of the chain to be awaited
        response: HttpResponseBase = await answer if isawaitable(answer) else answer
        return response
