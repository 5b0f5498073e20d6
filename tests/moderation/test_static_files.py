"""Static files, and every page behind them, without a thread that is held."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.handlers.asgi import ASGIHandler
from django.test import AsyncClient, Client


@pytest.fixture
def _built(settings: Any, tmp_path: Path) -> None:
    (tmp_path / "desk.css").write_text("body {}")
    settings.STATIC_ROOT = str(tmp_path)


@pytest.mark.usefixtures("_built")
def test_both_kinds_of_server_give_the_file() -> None:
    blocking = Client().get("/static/desk.css")
    awaited = async_to_sync(AsyncClient().get)("/static/desk.css")
    assert blocking.getvalue() == awaited.getvalue() == b"body {}"
    assert blocking.headers["Content-Type"] == awaited.headers["Content-Type"]


def test_what_is_no_file_goes_on_to_its_view() -> None:
    for answer in (Client().get("/healthz"), async_to_sync(AsyncClient().get)("/healthz")):
        assert answer.status_code == 200


def test_no_middleware_under_asgi_blocks_a_thread_for_a_whole_request(
    settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.DEBUG = True  # only then Django says what it had to adapt
    with caplog.at_level("DEBUG", logger="django.request"):
        ASGIHandler()
    assert [line.message for line in caplog.records if "adapted for middleware" in line.message] == []
