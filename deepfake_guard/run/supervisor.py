"""Keeps child processes alive, prefixes what they write, and leaves none behind."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

GRACE_SECONDS = 20.0  # between the polite signal and SIGKILL; a scan gives its lease back well within it
LONGEST_PAUSE = 30.0
STEADY_SECONDS = 60.0  # a child that lived this long has earned a quick restart
NAME_WIDTH = 9
COLOURS = (36, 33, 32, 35, 34, 96, 93, 92)
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)  # loaded before any fork


@dataclass(frozen=True)
class Program:
    """`defaults`: environment variables that count where the caller's say nothing."""

    name: str
    argv: Sequence[str]
    defaults: Mapping[str, str] = field(default_factory=dict)


class Lines(asyncio.Protocol):
    """Hands on what a child writes, line by line, however long a line is."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self.write, self.rest, self.closed = write, b"", asyncio.Event()

    def data_received(self, data: bytes) -> None:
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            self.write(line.decode(errors="replace").rstrip("\r"))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 the protocol's signature
        if self.rest:
            self.write(self.rest.decode(errors="replace"))
        self.closed.set()


def die_with_parent() -> None:
    """In the child before exec, on Linux: a supervisor that is killed outright takes its children along."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass
class Supervisor:
    """Every child leads a session of its own, so that a Ctrl-C reaches the supervisor alone and groups can be ended."""

    env: Mapping[str, str]
    grace: float = GRACE_SECONDS
    running: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)
    keepers: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    stopping: bool = False

    def say(self, text: str, name: str = "run") -> None:
        colour, plain = "", ""
        if sys.stdout.isatty():
            colour, plain = f"\033[{COLOURS[sum(name.encode()) % len(COLOURS)]}m", "\033[0m"
        sys.stdout.write(f"{colour}{name:<{NAME_WIDTH}}|{plain} {text}\n")
        sys.stdout.flush()

    async def serve(self, work: Coroutine[Any, Any, None], last: str = "") -> None:
        """Does the work, waits for SIGINT, SIGTERM or SIGHUP, then ends everything. Raises what the work raised."""
        asked = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, lambda: self.hurry() if asked.is_set() else asked.set())
        working, waiting = asyncio.create_task(work), asyncio.create_task(asked.wait())
        await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
        failed = working.exception() if working.done() else None
        if failed is None:
            await waiting
            self.say("stopping; a second Ctrl-C does not wait")
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await self.stop(last)
        waiting.cancel()
        self.say("stopped; nothing is left running")
        if failed is not None:
            raise failed

    async def run(self, program: Program) -> int:
        """One run to its end; returns the exit status (negative: the signal). What it left in its group is killed."""
        reading, writing = os.pipe()
        child = await asyncio.create_subprocess_exec(
            *program.argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=writing,
            stderr=writing,
            env={**program.defaults, **self.env},
            start_new_session=True,
            preexec_fn=die_with_parent if sys.platform == "linux" else None,
        )
        os.close(writing)
        self.running[program.name] = child
        try:
            transport, lines = await asyncio.get_running_loop().connect_read_pipe(
                lambda: Lines(lambda line: self.say(line, program.name)), os.fdopen(reading, "rb")
            )
            status = await child.wait()
        finally:
            kill_group(child.pid)
            del self.running[program.name]
        with contextlib.suppress(TimeoutError):  # a grandchild in a session of its own may hold the pipe
            await asyncio.wait_for(lines.closed.wait(), 1)
        transport.close()
        return status

    def keep(self, program: Program) -> None:
        """Starts the program and starts it again, after longer and longer pauses, whenever it ends."""
        self.keepers[program.name] = asyncio.create_task(self._keep(program))

    async def _keep(self, program: Program) -> None:
        pause = 1.0
        while True:
            started = time.monotonic()
            status = await self.run(program)
            if self.stopping:
                return
            if time.monotonic() - started > STEADY_SECONDS:
                pause = 1.0
            self.say(f"{program.name} ended ({ending(status)}); it starts again in {pause:.0f} s")
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def stop(self, last: str = "") -> None:
        """Ends everything; `last` (the broker) only when all others are gone, since they still talk to it."""
        self.stopping = True
        await self._end([name for name in self.running if name != last])
        await self._end(list(self.running))
        for keeper in self.keepers.values():
            keeper.cancel()
        await asyncio.gather(*self.keepers.values(), return_exceptions=True)

    async def _end(self, names: list[str]) -> None:
        """SIGTERM to each leader (it winds its own children up), SIGKILL to the groups when the grace is over."""
        for name in names:
            with contextlib.suppress(ProcessLookupError):
                self.running[name].send_signal(signal.SIGTERM)
        deadline = time.monotonic() + self.grace
        while any(name in self.running for name in names):
            late = time.monotonic() > deadline
            for name in names:
                if late and name in self.running:
                    self.say(f"{name} does not end; killing it")
                    kill_group(self.running[name].pid)
            await asyncio.sleep(1.0 if late else 0.05)

    def hurry(self) -> None:
        """No more grace: the second Ctrl-C."""
        for child in self.running.values():
            kill_group(child.pid)


def kill_group(leader: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS says EPERM for a group of zombies
        os.killpg(leader, signal.SIGKILL)


def ending(status: int) -> str:
    return f"exit {status}" if status >= 0 else signal.Signals(-status).name
