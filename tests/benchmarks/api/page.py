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
REST = """\
The goal is for the 95th percentile against the first view. What remains beside it, in the order of its weight: an
upload's row is five (asset, scan, item, audit entry, bytes that came) in one trip and one transaction, after one
question whether the content or its id are known; the key, with its platform, is read at every call, so that a
revocation counts at once; the call is counted and the bell rung in the broker (a trip each); the file is hashed and its
headers are read. None of it can wait for a worker: the 202 promises that nothing is lost. Of a phone's photo the bytes
are most of the work; beside a view that touches no database at all a small file shows what a database costs."""
GOAL = 1.5
TABLE = "| what | requests | median, ms | 95th percentile, ms |\n|---|---|---|---|"


Submits = list[tuple[str, Compared]]


def whole(
    database: str,
    busy: float,
    submits: Submits,
    alone: Submits,
    waiting: Compared,
    memory: list[tuple[str, float]],
) -> str:
    parts = [head(database, busy), submissions(submits, alone), others(waiting), peaks(memory)]
    return "\n\n".join(parts) + "\n"


def head(database: str, busy: float) -> str:
    here = machine.machine()
    where = f"{here['date']}: {here['processor']}, {here['cores']} cores, {here['system']}, Python {here['python']}"
    others_work = f"\n\n**The machine was busy** (load average {busy:.1f} at the start): go by the ratios."
    return f"{HEAD}\n{where}, {database}.{others_work if busy > 0.5 * (here['cores'] or 1) else ''}"


def submissions(compared: Submits, alone: Submits) -> str:
    lines = [
        "## A submission beside a bare view\n",
        f"{measure.SUBMITTING} clients, each with one request at a time. The bare view is DRF's `CreateAPIView` of a",
        "model with a file, behind the same middleware: it stores the file and commits one row. It asks for no key,",
        "looks at no file, hashes nothing, tells no broker. Neither it nor the guard waits for the file to reach the",
        "disk; the database waits for both alike.\n",
        TABLE,
    ]
    for said, one in compared:
        lines += [row(f"{said}: bare view", one.one), row(f"{said}: `POST items`", one.other)]
    lines += ["", *(f"* {said}: {goal(one)}; {ratios(one)}" for said, one in compared), ""]
    lines += ["Beside a view that stores the file alone, without a row:\n", TABLE]
    for said, one in alone:
        lines += [row(f"{said}: file alone", one.one), row(f"{said}: `POST items`", one.other)]
    lines += ["", *(f"* {said}: {ratios(one)}" for said, one in alone), "", REST]
    return "\n".join(lines)


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
