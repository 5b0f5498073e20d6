"""`make bench`: what the API costs here, side by side in one run; written to docs/benchmarks-api.md.

DATABASE_URL names a PostgreSQL server (a database of its own is made and dropped there), else it is SQLite; ROUNDS=3
makes it shorter.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from tests.benchmarks.api import measure, page
from tests.benchmarks.api.server import running

PAGE = Path(__file__).parents[2] / "docs/benchmarks-api.md"
PORT = 18_731
SIZES = ((300_000, "300 kB"), (3_000_000, "3 MB"))


@contextlib.contextmanager
def own_database(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Sets DATABASE_URL for the measured server; gives the database's name for the page."""
    given = os.environ.get("DATABASE_URL", "")
    if not given:
        yield "SQLite"
        return
    name = sql.Identifier(f"guard_bench_{os.getpid()}")
    with psycopg.connect(given.replace("postgres://", "postgresql://", 1), autocommit=True) as server:
        server.execute(sql.SQL("create database {}").format(name))
        parts = urlsplit(given)
        monkeypatch.setenv("DATABASE_URL", parts._replace(path=f"/guard_bench_{os.getpid()}").geturl())
        try:
            yield f"PostgreSQL {server.info.server_version // 10000}"
        finally:
            server.execute(sql.SQL("drop database if exists {} with (force)").format(name))


@pytest.mark.bench
@pytest.mark.timeout(3600)
def test_what_a_submission_costs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rounds, busy = int(os.environ.get("ROUNDS", "6")), os.getloadavg()[0]
    with own_database(monkeypatch) as database, running(PORT, tmp_path) as server:
        submits = [(said, measure.submit_cost(server, size, rounds, 5.0, measure.BARE)) for size, said in SIZES]
        alone = [(said, measure.submit_cost(server, size, rounds, 5.0, measure.FILE)) for size, said in SIZES]
        waiting = measure.waiting_cost(server, rounds)
        memory = measure.memory_peaks(server)
    PAGE.write_text(page.whole(database, busy, submits, alone, waiting, memory), encoding="utf-8")
    assert memory[-1][1] - memory[0][1] < 50, "no upload is held in memory"
