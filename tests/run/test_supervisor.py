"""The supervisor with real processes: cheap children that behave as badly as ours could."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from deepfake_guard.run.supervisor import NAME_WIDTH

DRIVER = """
import asyncio, os, sys
from deepfake_guard.run.supervisor import Program, Supervisor
supervisor = Supervisor(dict(os.environ), grace=float(sys.argv[1]))
async def work():
    for number, code in enumerate(sys.argv[2:]):
        supervisor.keep(Program(f"child{number}", [sys.executable, "-u", "-c", code]))
asyncio.run(supervisor.serve(work(), last="child0"))
"""
SLEEPER = "import time; print('up'); time.sleep(600)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up'); time.sleep(600)"
PARENT = (
    "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
    "print('up'); time.sleep(600)"
)
CRASHER = "print('up'); raise SystemExit(3)"
START = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start() -> Iterator[START]:
    started: list[subprocess.Popen[str]] = []

    def begin(*children: str, grace: float = 5) -> subprocess.Popen[str]:
        driver = subprocess.Popen(
            [sys.executable, "-c", DRIVER, str(grace), *children],
            stdout=subprocess.PIPE,
            text=True,
            env=dict(os.environ),
            cwd=Path(__file__).parents[2],
        )
        started.append(driver)
        return driver

    yield begin
    for driver in started:
        driver.kill()
        driver.wait()


def read_until(driver: subprocess.Popen[str], wanted: str, times: int = 1) -> list[str]:
    assert driver.stdout is not None
    lines: list[str] = []
    for line in driver.stdout:
        lines.append(line.rstrip("\n"))
        if sum(wanted in seen for seen in lines) == times:
            return lines
    raise AssertionError(f"{wanted!r} was not written: {lines}")


def children(driver: subprocess.Popen[str]) -> list[psutil.Process]:
    return list(psutil.Process(driver.pid).children(recursive=True))


def gone(processes: list[psutil.Process]) -> bool:
    _dead, alive = psutil.wait_procs(processes, timeout=10)
    return not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_every_child_and_grandchild(start: START, number: signal.Signals) -> None:
    driver = start(SLEEPER, PARENT)
    read_until(driver, "up", times=2)
    below = children(driver)
    assert len(below) == 3
    driver.send_signal(number)
    assert driver.wait(15) == 0
    assert gone(below)


def test_a_child_that_ignores_sigterm_is_killed_after_the_grace(start: START) -> None:
    driver = start(SLEEPER, STUBBORN, grace=0.5)
    read_until(driver, "up", times=2)
    below = children(driver)
    driver.terminate()
    assert driver.wait(15) == 0
    assert gone(below)


def test_a_second_ctrl_c_does_not_wait(start: START) -> None:
    driver = start(SLEEPER, STUBBORN, grace=60)
    read_until(driver, "up", times=2)
    driver.send_signal(signal.SIGINT)
    read_until(driver, "stopping")
    driver.send_signal(signal.SIGINT)
    assert driver.wait(15) == 0


def test_a_crashed_child_starts_again_after_longer_and_longer_pauses(start: START) -> None:
    driver = start(CRASHER)
    lines = read_until(driver, "child0 ended", times=2)
    pauses = [line for line in lines if "child0 ended" in line]
    assert "(exit 3); it starts again in 1 s" in pauses[0]
    assert "it starts again in 2 s" in pauses[1]


def test_the_broker_ends_after_all_others(start: START) -> None:
    on_term = "import signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *_: ({act}, sys.exit()))\nprint('up')\n"
    broker = on_term.format(act="print('last')") + "time.sleep(600)"
    worker = on_term.format(act="time.sleep(0.5), print('bye')") + "time.sleep(600)"
    driver = start(broker, worker)
    read_until(driver, "up", times=2)
    driver.terminate()
    lines = read_until(driver, "nothing is left running")
    said = [line.split("| ")[1] for line in lines if line.startswith("child")]
    assert said == ["bye", "last"]


def test_every_line_carries_its_childs_name(start: START) -> None:
    driver = start("import sys, time; print('out' + 'x' * 200_000); print('err', file=sys.stderr); time.sleep(600)")
    lines = read_until(driver, "err")
    assert [line[: NAME_WIDTH + 5] for line in lines] == ["child0   | out", "child0   | err"]
    assert len(lines[0]) > 200_000


@pytest.mark.skipif(sys.platform != "linux", reason="macOS has no signal for a parent's death")
def test_children_follow_a_supervisor_that_was_killed_outright(start: START) -> None:
    driver = start(SLEEPER, SLEEPER)
    read_until(driver, "up", times=2)
    below = children(driver)
    driver.kill()
    assert gone(below)


def test_a_failed_start_ends_what_was_started(tmp_path: Path) -> None:
    code = DRIVER.replace(
        "asyncio.run", "    await asyncio.sleep(0.3)\n    raise RuntimeError('no database')\nasyncio.run"
    )
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", code, "5", SLEEPER], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 1
    assert "no database" in done.stderr
    assert "nothing is left running" in done.stdout
    assert time.monotonic() - began < 10
