"""Clients that cost little themselves: prepared bytes over kept connections, one request at a time each."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

BOUNDARY = b"guard-bench"


@dataclass(frozen=True)
class Target:
    """`fields`: of the form, beside the file. `marks`: 16 fresh bytes at the file's end, so that no two are equal."""

    path: str
    port: int
    key: str
    headers: tuple[str, ...] = ()


def submission(target: Target, content: bytes) -> list[bytes]:
    """One POST of the file as a form, ready to be written."""
    name = secrets.token_hex(8).encode()
    parts = [
        b'--%s\r\nContent-Disposition: form-data; name="external_id"\r\n\r\n%s\r\n' % (BOUNDARY, name),
        b'--%s\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n' % BOUNDARY
        + b"Content-Type: image/jpeg\r\n\r\n",
        content,
        os.urandom(16),
        b"\r\n--%s--\r\n" % BOUNDARY,
    ]
    kind = f"Content-Type: multipart/form-data; boundary={BOUNDARY.decode()}"
    return [head(target, "POST", kind, f"Content-Length: {sum(map(len, parts))}"), *parts]


def reading(target: Target) -> list[bytes]:
    return [head(target, "GET")]


def head(target: Target, method: str, *headers: str) -> bytes:
    lines = [f"{method} {target.path} HTTP/1.1", f"Host: localhost:{target.port}"]
    lines += [f"Authorization: Bearer {target.key}", *target.headers, *headers]
    return "\r\n".join([*lines, "", ""]).encode()


class Client:
    """One kept connection."""

    async def open(self, port: int) -> Client:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
        return self

    async def ask(self, request: Sequence[bytes]) -> tuple[int, bytes]:
        for part in request:
            self.writer.write(part)
            await self.writer.drain()
        answer = await self.reader.readuntil(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in answer.split(b"\r\n")[1:] if line)
        body = await self.reader.readexactly(int(fields.get(b"content-length", b"0")))
        return int(answer[9:12]), body

    def close(self) -> None:
        self.writer.close()


async def closed_loop(
    port: int, clients: int, seconds: float, make: Callable[[], list[bytes]], accepted: frozenset[int]
) -> list[float]:
    """Seconds that each request took: every client asks, waits for the answer, asks again."""
    taken: list[float] = []
    until = time.perf_counter() + seconds

    async def one() -> None:
        client = await Client().open(port)
        while time.perf_counter() < until:
            request = make()
            began = time.perf_counter()
            status, body = await client.ask(request)
            taken.append(time.perf_counter() - began)
            if status not in accepted:
                raise RuntimeError(f"answered {status}: {body[:300]!r}")
        client.close()

    await asyncio.gather(*(one() for _ in range(clients)))
    return taken


async def held(port: int, clients: int, make: Callable[[], list[bytes]], waiting: asyncio.Event) -> list[int]:
    """Statuses of requests that are all under way at once; `waiting` is set when the last has been sent."""
    sent = 0

    async def one() -> int:
        nonlocal sent
        client = await Client().open(port)
        task = asyncio.ensure_future(client.ask(make()))
        sent += 1
        if sent == clients:
            waiting.set()
        status, _ = await task
        client.close()
        return status

    return await asyncio.gather(*(one() for _ in range(clients)))
