"""Who sends a call: `Guard` waits for the answer, `AsyncGuard` lets others work meanwhile. Both do the same."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any, Self, TypeVar, cast

import httpx

from deepfake_guard import __version__
from deepfake_guard.client import items
from deepfake_guard.client.answers import TERMINAL, Item
from deepfake_guard.client.calls import Call, Page
from deepfake_guard.client.errors import GuardError, Problem, Unreachable, pause_after, retry_after

T = TypeVar("T")
TIMEOUT = httpx.Timeout(30.0, write=120.0)


def _options(url: str, key: str) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {key}", "User-Agent": f"deepfake-guard-client/{__version__}"}
    return {"base_url": f"{url.rstrip('/')}/api/v1/", "headers": headers, "timeout": TIMEOUT}


def _read(call: Call[T], answer: httpx.Response) -> T:
    """The answer is not checked against its type: a newer guard may say more, and never less."""
    if answer.status_code == 204:
        return cast(T, None)
    try:
        return cast(T, answer.json())
    except ValueError:
        raise GuardError(f"{call.method} {answer.url} does not answer as a guard does: is the URL right?") from None


def _left(until: float, item: Item) -> float:
    """Seconds until the deadline. Raises TimeoutError when it has passed."""
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError(f"item {item['id']} is still {item['status']}")
    return left


class Guard:
    """One platform's way in; holds connections, so close it or use `with`. `transport`: as httpx has it."""

    def __init__(self, url: str, key: str, *, transport: httpx.BaseTransport | None = None) -> None:
        self._http = httpx.Client(**_options(url, key), transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def send(self, call: Call[T]) -> T:
        """The answer. Raises Problem or Unreachable; what may safely be asked again was asked again before."""
        return _read(call, self._answer(call))

    def every(self, call: Call[Page[T]]) -> Iterator[T]:
        """Each entry of a list, page after page as they are needed."""
        while True:
            page = self.send(call)
            yield from page["results"]
            if not page["next"]:
                return
            call = call.following(page["next"])

    def wait(self, item_id: str, seconds: float = 60.0) -> Item:
        """The item once its status is terminal, asked for as often as the guard says. Raises TimeoutError."""
        until, call = time.monotonic() + seconds, items.read(item_id)
        while True:
            answer = self._answer(call)
            if (item := _read(call, answer))["status"] in TERMINAL:
                return item
            time.sleep(min(retry_after(answer) or 1.0, _left(until, item)))

    def _answer(self, call: Call[Any]) -> httpx.Response:
        tried = 0
        while True:
            tried += 1
            try:
                with call.request() as asked:
                    answer = self._http.request(**asked)
                if answer.is_success:
                    return answer
                pause = pause_after(Problem.of(answer), call, tried)
            except httpx.TransportError as error:
                pause = pause_after(Unreachable(f"{self._http.base_url}: {error}"), call, tried)
            time.sleep(pause)


class AsyncGuard:
    """As `Guard`, for asyncio."""

    def __init__(self, url: str, key: str, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._http = httpx.AsyncClient(**_options(url, key), transport=transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    async def send(self, call: Call[T]) -> T:
        """As `Guard.send`."""
        return _read(call, await self._answer(call))

    async def every(self, call: Call[Page[T]]) -> AsyncIterator[T]:
        """As `Guard.every`."""
        while True:
            page = await self.send(call)
            for entry in page["results"]:
                yield entry
            if not page["next"]:
                return
            call = call.following(page["next"])

    async def wait(self, item_id: str, seconds: float = 60.0) -> Item:
        """As `Guard.wait`."""
        until, call = time.monotonic() + seconds, items.read(item_id)
        while True:
            answer = await self._answer(call)
            if (item := _read(call, answer))["status"] in TERMINAL:
                return item
            await asyncio.sleep(min(retry_after(answer) or 1.0, _left(until, item)))

    async def _answer(self, call: Call[Any]) -> httpx.Response:
        tried = 0
        while True:
            tried += 1
            try:
                with call.request() as asked:
                    answer = await self._http.request(**asked)
                if answer.is_success:
                    return answer
                pause = pause_after(Problem.of(answer), call, tried)
            except httpx.TransportError as error:
                pause = pause_after(Unreachable(f"{self._http.base_url}: {error}"), call, tried)
            await asyncio.sleep(pause)
