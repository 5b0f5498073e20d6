"""How the database is reached, from the environment."""

from __future__ import annotations

import pytest

from deepfake_guard import settings as project


@pytest.fixture(autouse=True)
def _server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://guard:secret@db/guard")


def test_a_pool_is_shared_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "pool" not in project.database().get("OPTIONS", {})
    monkeypatch.setenv("DATABASE_POOL", "20")
    assert project.database()["OPTIONS"]["pool"] == {"min_size": 1, "max_size": 20}


def test_connections_that_are_kept_take_the_place_of_a_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_POOL", "20")
    monkeypatch.setenv("CONN_MAX_AGE", "60")
    found = project.database()
    assert (found["CONN_MAX_AGE"], "pool" in found.get("OPTIONS", {})) == (60, False)


def test_an_sqlite_file_of_ones_own_is_locked_as_ours_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "sqlite:////srv/guard/other.sqlite3?timeout=5")
    options = project.database()["OPTIONS"]
    assert (options["transaction_mode"], int(options["timeout"])) == ("IMMEDIATE", 5)
