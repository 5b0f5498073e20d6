"""What a submission costs beside a bare view, what waiting clients cost the others, and whether memory stays flat."""

from __future__ import annotations

import asyncio
import io
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from PIL import Image

from tests.benchmarks.api import load
from tests.benchmarks.api.load import Target
from tests.benchmarks.api.server import Server

ACCEPTED = frozenset({200, 201, 202})
BARE, FILE, GUARD = "/bare/api/v1/items", "/file/api/v1/items", "/api/v1/items"
SUBMITTING, WAITING, READING, UPLOADS = 16, 50, 4, 16
HOLD_SECONDS, SETTLING_SECONDS, WINDOW_SECONDS = 10, 2.0, 6.0


@dataclass
class Compared:
    """Seconds of each request, by round, of two things measured by turns."""

    one: list[list[float]] = field(default_factory=list)
    other: list[list[float]] = field(default_factory=list)

    def ratio(self, share: float) -> float:
        return quantile(flat(self.other), share) / quantile(flat(self.one), share)

    def ratios(self, share: float) -> list[float]:
        pairs = zip(self.one, self.other, strict=True)
        return [quantile(other, share) / quantile(one, share) for one, other in pairs]


def flat(rounds: list[list[float]]) -> list[float]:
    return list(itertools.chain.from_iterable(rounds))


def quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def photo(size: int) -> bytes:
    """A real JPEG's headers and picture, filled up to the size behind its end, where intake does not look."""
    buffer = io.BytesIO()
    Image.effect_noise((320, 240), 60).save(buffer, "JPEG")
    content = buffer.getvalue()
    return content + bytes(max(0, size - len(content)))


def by_turns(rounds: int, one: Callable[[], list[float]], other: Callable[[], list[float]]) -> Compared:
    """The order changes each round, so that what the machine does beside meets both."""
    compared = Compared()
    for number in range(rounds):
        first, second = (one, other) if number % 2 == 0 else (other, one)
        measured = {first: first(), second: second()}
        compared.one.append(measured[one])
        compared.other.append(measured[other])
    return compared


def submit_cost(server: Server, size: int, rounds: int, seconds: float, bare: str) -> Compared:
    """A bare view, and the guard's."""
    content = photo(size)

    def loop(path: str) -> list[float]:
        target = Target(path, server.port, server.key)
        make = lambda: load.submission(target, content)  # noqa: E731
        return asyncio.run(load.closed_loop(server.port, SUBMITTING, seconds, make, ACCEPTED))

    for path in (bare, GUARD):  # the first requests load what the later ones have
        loop(path)
    return by_turns(rounds, lambda: loop(bare), lambda: loop(GUARD))


def waiting_cost(server: Server, rounds: int) -> Compared:
    """Reading the list and an item while nobody waits, and while fifty do."""
    content = photo(50_000)
    reading = Target("/api/v1/items?limit=5", server.port, server.key)

    async def read() -> list[float]:
        make = lambda: load.reading(reading)  # noqa: E731
        return await load.closed_loop(server.port, READING, WINDOW_SECONDS, make, ACCEPTED)

    async def read_beside() -> list[float]:
        target = Target("/api/v1/items", server.port, server.key, (f"Prefer: wait={HOLD_SECONDS}",))
        sent = asyncio.Event()
        holding = asyncio.create_task(load.held(server.port, WAITING, lambda: load.submission(target, content), sent))
        await sent.wait()
        await asyncio.sleep(SETTLING_SECONDS)  # they have been taken in, and wait
        taken = await read()
        if holding.done():
            raise RuntimeError("those who wait were answered too early to be measured")
        if set(await holding) != {202}:
            raise RuntimeError("somebody who waited got another answer")
        return taken

    asyncio.run(read())
    return by_turns(rounds, lambda: asyncio.run(read()), lambda: asyncio.run(read_beside()))


def memory_peaks(server: Server) -> list[tuple[str, float]]:
    """MB that the larger of the server's processes had at most: small uploads, then large ones, twice."""
    told = []
    for name, size in (("1 MB", 2**20), ("50 MB", 50 * 2**20 - 4096), ("50 MB, again", 50 * 2**20 - 4096)):
        target = Target("/api/v1/items", server.port, server.key)
        content = photo(size)
        server.forget_peak()
        asyncio.run(_upload(server.port, lambda: load.submission(target, content)))  # noqa: B023
        told.append((name, max(server.peak_mb())))
    return told


async def _upload(port: int, make: Callable[[], list[bytes]]) -> None:
    async def some() -> None:
        client = await load.Client().open(port)
        for _ in range(UPLOADS // READING):
            status, body = await client.ask(make())
            if status not in ACCEPTED:
                raise RuntimeError(f"answered {status}: {body[:300]!r}")
        client.close()

    await asyncio.gather(*(some() for _ in range(READING)))
