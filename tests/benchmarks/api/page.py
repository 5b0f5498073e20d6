"""What was measured, as docs/benchmarks-api.md says it."""

from __future__ import annotations

import statistics

from deepfake_guard.detector.bench import machine
from tests.benchmarks.api import measure
from tests.benchmarks.api.measure import Compared, flat, quantile

HEAD = """\
# Benchmarks of the API

Written by `make bench` (alone: `pytest -m bench tests/benchmarks/test_api_cost.py`): a real server (gunicorn, two
uvicorn workers), clients that cost little themselves, and each thing measured by turns with what it is compared with.
No worker screens meanwhile. Server, database, broker and clients share the cores.
"""
SMALL = """\
The goal is for the 95th percentile. Of a phone's photo the bytes are most of the work; a small file costs the bare
view next to nothing, so that there the nine queries, the bell in the broker and the count of calls are what is seen."""
GOAL = 1.5
TABLE = "| what | requests | median, ms | 95th percentile, ms |\n|---|---|---|---|"


def whole(
    database: str, busy: float, submits: list[tuple[str, Compared]], waiting: Compared, memory: list[tuple[str, float]]
) -> str:
    return "\n\n".join([head(database, busy), submissions(submits), others(waiting), peaks(memory)]) + "\n"


def head(database: str, busy: float) -> str:
    here = machine.machine()
    where = f"{here['date']}: {here['processor']}, {here['cores']} cores, {here['system']}, Python {here['python']}"
    others_work = f"\n\n**The machine was busy** (load average {busy:.1f} at the start): go by the ratios."
    return f"{HEAD}\n{where}, {database}.{others_work if busy > 0.5 * (here['cores'] or 1) else ''}"


def submissions(compared: list[tuple[str, Compared]]) -> str:
    lines = [
        "## A submission beside a bare view\n",
        f"{measure.SUBMITTING} clients, each with one request at a time. The bare view is a DRF view behind the same",
        "middleware that stores the file: no key, no look at the file, no hash, no database, no broker.\n",
        TABLE,
    ]
    for said, one in compared:
        lines += [row(f"{said}: bare view", one.one), row(f"{said}: `POST items`", one.other)]
    lines.append("")
    return "\n".join([*lines, *(f"* {said}: {goal(one)}; {ratios(one)}" for said, one in compared), "", SMALL])


def others(compared: Compared) -> str:
    waiting = f"{measure.WAITING} clients wait with `Prefer: wait={measure.HOLD_SECONDS}`"
    lines = [
        "## What waiting clients cost the others\n",
        f"{measure.READING} clients read `GET items?limit=5`, by turns while nobody waits and while {waiting}.\n",
        TABLE,
        row("nobody waits", compared.one),
        row(f"{measure.WAITING} wait", compared.other),
        "",
        f"* {ratios(compared)}",
    ]
    return "\n".join(lines)


def peaks(memory: list[tuple[str, float]]) -> str:
    lines = [
        "## Memory\n",
        f"{measure.UPLOADS} uploads of a size by {measure.READING} clients at once: the most that the larger of the",
        "two server processes had in memory.\n",
        "| size | peak, MB |\n|---|---|",
        *(f"| {size} | {peak:.0f} |" for size, peak in memory),
    ]
    return "\n".join(lines)


def row(name: str, taken: list[list[float]]) -> str:
    values = flat(taken)
    middle, slow = (1000 * quantile(values, share) for share in (0.5, 0.95))
    return f"| {name} | {len(values)} | {middle:.0f} | {slow:.0f} |"


def goal(compared: Compared) -> str:
    return f"the goal of {GOAL} × is {'kept' if compared.ratio(0.95) <= GOAL else 'missed'}"


def ratios(compared: Compared) -> str:
    slow, middle = compared.ratios(0.95), compared.ratios(0.5)
    return (
        f"95th percentile {compared.ratio(0.95):.2f} × (rounds {min(slow):.2f} – {max(slow):.2f}, their median "
        f"{statistics.median(slow):.2f});\n  median {compared.ratio(0.5):.2f} × "
        f"(rounds {min(middle):.2f} – {max(middle):.2f})"
    )
