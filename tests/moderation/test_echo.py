"""The example receiver as a customer would run it: its own process, spoken to over HTTP."""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation import signing
from moderation.models import WebhookDelivery
from moderation.services import webhooks
from moderation.vocabulary import DeliveryState, EventType
from tests import factories

SCRIPT = Path(__file__).parents[2] / "docs" / "examples" / "echo" / "echo.py"
SECRET = signing.new_secret()


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("echo_example", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


example = load()


@dataclass
class Echo:
    process: subprocess.Popen[str]
    url: str
    port: int

    def send(self, body: bytes, headers: dict[str, str]) -> httpx.Response:
        return httpx.post(f"{self.url}/hook", content=body, headers=headers, trust_env=False)

    def page(self) -> str:
        return httpx.get(f"{self.url}/", trust_env=False).text

    def received(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = httpx.get(f"{self.url}/received.json", trust_env=False).json()
        return found


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def start(secret: str, *arguments: str, port: int = 0) -> Echo:
    port = port or free_port()
    env = {**os.environ, "ECHO_SECRET": secret, "ECHO_PORT": str(port)}
    process = subprocess.Popen(
        [sys.executable, "-I", str(SCRIPT), *arguments], env=env, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert f":{port}/" in process.stdout.readline()
    return Echo(process, f"http://127.0.0.1:{port}", port)


def stop(echo: Echo) -> int:
    echo.process.send_signal(signal.SIGTERM)
    echo.process.communicate(timeout=10)
    return echo.process.returncode


@pytest.fixture
def echo() -> Iterator[Echo]:
    running = start(SECRET)
    yield running
    stop(running)


def signed(body: bytes, message_id: str = "m1", secret: str = SECRET) -> dict[str, str]:
    return signing.headers(secret, message_id, int(time.time()), body)


def test_it_shows_a_message_as_verified(echo: Echo) -> None:
    body = b'{"type":"decision.made","data":{"external_id":"post-7","outcome":"block"}}'
    assert echo.send(body, signed(body)).status_code == 200
    page = echo.page()
    assert "signature verified" in page
    assert "decision.made" in page
    assert "post-7 · block" in page
    (entry,) = echo.received()
    assert (entry["id"], entry["verified"], entry["message"]["data"]["external_id"]) == ("m1", True, "post-7")


def test_it_shows_a_wrong_signature_and_refuses_the_message(echo: Echo) -> None:
    body = b'{"type":"decision.made","data":{}}'
    answer = echo.send(body, signed(body, secret=signing.new_secret()))
    assert (answer.status_code, answer.text) == (401, "no signature fits the secret and the body\n")
    assert "signature wrong: no signature fits" in echo.page()
    assert "signature verified" not in echo.page()
    assert [entry["verified"] for entry in echo.received()] == [False]


def test_a_message_that_comes_twice_is_one_message(echo: Echo) -> None:
    body = b'{"type":"item.screened","data":{}}'
    for _ in range(2):
        assert echo.send(body, signed(body)).status_code == 200
    (entry,) = echo.received()
    assert entry["times"] == 2
    assert "received 2 times" in echo.page()


def test_it_keeps_the_last_fifty_newest_first(echo: Echo) -> None:
    for number in range(53):
        echo.send(b"{}", signed(b"{}", f"m{number}"))
    assert [entry["id"] for entry in echo.received()] == [f"m{number}" for number in range(52, 2, -1)]


def test_nothing_that_is_sent_becomes_markup(echo: Echo) -> None:
    body = b'{"type":"<script>alert(1)</script>","data":{"external_id":"<img src=x>"}}'
    echo.send(body, {**signed(body), "webhook-id": "<b>"})
    page = echo.page()
    assert "<script>" not in page
    assert "<img" not in page
    assert "<b>" not in page
    policy = httpx.get(echo.url, trust_env=False).headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")


@pytest.mark.parametrize("body", [b"", b"no json", b"[1]", b'"text"', b"\xff", b"[" * 100_000, b'{"data":[],"type":3}'])
def test_whatever_is_sent_the_page_still_shows(echo: Echo, body: bytes) -> None:
    assert echo.send(body, {}).status_code == 401
    assert "no webhook-id header" in echo.page()


def test_it_shows_nothing_under_another_name(echo: Echo) -> None:
    """DNS rebinding: a page elsewhere points its own name here."""
    answer = httpx.get(f"{echo.url}/received.json", headers={"Host": "evil.example:80"}, trust_env=False)
    assert (answer.status_code, answer.text) == (421, "Ask for 127.0.0.1.\n")


def test_it_takes_no_endless_body(echo: Echo) -> None:
    assert echo.send(b"x" * (1024 * 1024 + 1), {}).status_code == 413
    with socket.create_connection(("127.0.0.1", echo.port)) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert b" 411 " in connection.recv(100)


def test_it_says_what_there_is(echo: Echo) -> None:
    assert httpx.get(f"{echo.url}/elsewhere", trust_env=False).status_code == 404
    assert httpx.get(f"{echo.url}/page.css", trust_env=False).headers["content-type"].startswith("text/css")
    assert "Nothing yet" in echo.page()


def test_it_ends_politely_and_takes_its_secret_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    running = start("", "--secret-file", str(tmp_path / "secret"))
    assert running.send(b"{}", signed(b"{}")).status_code == 200
    assert stop(running) == 0


def test_it_does_not_start_without_a_secret() -> None:
    refused = subprocess.run(
        [sys.executable, str(SCRIPT)], env={"PATH": os.environ["PATH"]}, capture_output=True, text=True
    )
    assert refused.returncode == 2
    assert "ECHO_SECRET" in refused.stderr


@given(st.uuids().map(str), st.binary(max_size=60), st.integers(1_500_000_000, 4_000_000_000), st.integers(-400, 400))
def test_its_rules_are_those_that_we_sign_by(message_id: str, body: bytes, second: int, off: int) -> None:
    headers = {name.title(): value for name, value in signing.headers(SECRET, message_id, second, body).items()}
    problem = example.signature_problem(SECRET, headers, body, now=second + off)
    assert (problem == "") == (abs(off) <= 300)
    assert example.signature_problem(SECRET, headers, body + b" ", now=second)
    assert example.signature_problem(signing.new_secret(), headers, body, now=second)


@pytest.mark.django_db
def test_it_verifies_what_the_outbox_sends(settings: Any) -> None:
    port = free_port()
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "WEBHOOK_ALLOWED": [f"127.0.0.1:{port}"]}
    platform = factories.make_platform()
    _, secret = webhooks.add_endpoint(platform, f"http://127.0.0.1:{port}/", actor="system")
    running = start(secret, port=port)
    try:
        webhooks.emit(platform, EventType.ITEM_SCREENED, None, {"external_id": "post-ü"})
        assert webhooks.deliver(WebhookDelivery.objects.get().pk) is DeliveryState.DELIVERED
        page = httpx.get(f"http://127.0.0.1:{port}/", trust_env=False).text
        assert "signature verified" in page
        assert "post-ü" in page
    finally:
        stop(running)
