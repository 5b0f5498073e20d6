"""The client against the real app behind a real server; each test runs once waiting and once with asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from deepfake_guard.client import AsyncGuard, Call, Guard
from deepfake_guard.client.answers import Item
from moderation.models import Platform
from tests import factories


class Between(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A network that does something to its first `times` exchanges: loses the answer, or answers itself."""

    def __init__(self, answer: httpx.Response | None = None, times: int = 1) -> None:
        self.answer, self.times = answer, times
        self.seen: list[httpx.Request] = []
        self.answered: list[int] = []

    def _meddles(self, request: httpx.Request) -> bool:
        self.seen.append(request)
        return len(self.seen) <= self.times

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        meddles = self._meddles(request)
        if meddles and self.answer is not None:
            return self.answer
        with httpx.HTTPTransport() as network:
            answer = network.handle_request(request)
            answer.read()
        return self._brought(answer, meddles)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        meddles = self._meddles(request)
        if meddles and self.answer is not None:
            return self.answer
        async with httpx.AsyncHTTPTransport() as network:
            answer = await network.handle_async_request(request)
            await answer.aread()
        return self._brought(answer, meddles)

    def _brought(self, answer: httpx.Response, lost: bool) -> httpx.Response:
        self.answered.append(answer.status_code)
        if lost:
            raise httpx.ReadError("the answer was lost")
        return answer


@dataclass
class Caller:
    """Sends calls with a key of `platform`, by either class."""

    url: str
    key: str
    platform: Platform
    waits: bool
    network: Between | None = None

    def send(self, call: Call[Any]) -> Any:
        return self._with(lambda guard: guard.send(call), lambda guard: guard.send(call))

    def wait(self, item_id: str, seconds: float = 60.0) -> Item:
        found: Item = self._with(lambda guard: guard.wait(item_id, seconds), lambda guard: guard.wait(item_id, seconds))
        return found

    def every(self, call: Call[Any]) -> list[Any]:
        async def gathered(guard: AsyncGuard) -> list[Any]:
            return [entry async for entry in guard.every(call)]

        found: list[Any] = self._with(lambda guard: list(guard.every(call)), gathered)
        return found

    def _with(self, act: Callable[[Guard], Any], act_async: Callable[[AsyncGuard], Any]) -> Any:
        if self.waits:
            with Guard(self.url, self.key, transport=self.network) as guard:
                return act(guard)

        async def run() -> Any:
            async with AsyncGuard(self.url, self.key, transport=self.network) as guard:
                return await act_async(guard)

        return asyncio.run(run())


@pytest.fixture(params=[True, False], ids=["sync", "async"])
def caller(request: pytest.FixtureRequest, live_server: Any) -> Caller:
    platform = factories.make_platform()
    return Caller(live_server.url, factories.make_key(platform)[1], platform, request.param)
