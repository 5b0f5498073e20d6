"""What the other side answers: huge, endless, late, compressed, no HTTP at all, or when to come again."""

from __future__ import annotations

import email.utils
import gzip
import socket
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from moderation import safe_http
from moderation.safe_http import Unreachable, post
from tests.moderation.receiver import Receiver, Resolver, answering, receiving

NAME = "hooks.example"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def test_it_takes_only_the_beginning_of_a_huge_answer(receiver: Receiver) -> None:
    written = 0

    def endless(connection: BaseHTTPRequestHandler) -> None:
        nonlocal written
        connection.send_response(200)
        connection.end_headers()
        for _ in range(4000):
            written += connection.wfile.write(b"\0x" * 8192)

    receiver.answer = endless
    answer = post(receiver.url, b"{}", {}, [receiver.entry])
    assert answer.excerpt == "x" * 250, "500 characters, without what a database cannot store"
    assert written < 4000 * 16384, "it hung up"


def test_an_endless_header_is_given_up(receiver: Receiver) -> None:
    written = 0

    def endless(connection: BaseHTTPRequestHandler) -> None:
        nonlocal written
        connection.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for _ in range(4000):
            written += connection.wfile.write(b"X-Filler: " + b"x" * 8192 + b"\r\n")

    receiver.answer = endless
    with pytest.raises(Unreachable):
        post(receiver.url, b"{}", {}, [receiver.entry])
    assert written < 4000 * 8192, "it hung up"


def test_a_compressed_answer_is_not_unpacked(receiver: Receiver) -> None:
    bomb = gzip.compress(b"0" * 50_000_000)
    receiver.answer = answering(200, bomb, Content_Encoding="gzip")
    assert "0000" not in post(receiver.url, b"{}", {}, [receiver.entry]).excerpt


@pytest.mark.parametrize("begin", [b"", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_the_whole_exchange_has_one_deadline(receiver: Receiver, monkeypatch: pytest.MonkeyPatch, begin: bytes) -> None:
    """A byte now and then, in the header or in the body, buys no time."""
    monkeypatch.setattr(safe_http, "TOTAL_SECONDS", 0.4)

    def drip(connection: BaseHTTPRequestHandler) -> None:
        connection.wfile.write(begin)
        for _ in range(100):
            connection.wfile.write(b"x")
            time.sleep(0.05)

    receiver.answer = drip
    started = time.monotonic()
    with pytest.raises(Unreachable):
        post(receiver.url, b"{}", {}, [receiver.entry])
    assert time.monotonic() - started < 2


def test_it_says_when_nobody_listens(receiver: Receiver) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        entry = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(Unreachable, match="refused"):
            post(f"http://{entry}/", b"{}", {}, [entry])


def test_it_says_when_a_name_has_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    Resolver(monkeypatch, hooks_example=[])
    with pytest.raises(Unreachable, match=r"hooks\.example cannot be resolved"):
        post(f"https://{NAME}/", b"{}", {})


def speak_smtp(connection: BaseHTTPRequestHandler) -> None:
    connection.wfile.write(b"220 mail.example ESMTP\r\n")


def test_an_answer_that_is_no_http_is_unreachable(receiver: Receiver) -> None:
    receiver.answer = speak_smtp
    with pytest.raises(Unreachable):
        post(receiver.url, b"{}", {}, [receiver.entry])


@pytest.mark.parametrize("value", ["a\r\nX-Injected: 1", "a\nb", "a\0b", "ü"])
def test_no_header_can_carry_another(receiver: Receiver, value: str) -> None:
    with pytest.raises(Unreachable):
        post(receiver.url, b"{}", {"webhook-id": value}, [receiver.entry])
    assert receiver.requests == []


@pytest.mark.parametrize(
    ("given_value", "seconds"), [("120", 120), ("0", 0), ("soon", None), ("-5", None), ("9" * 40, None)]
)
def test_it_reads_retry_after_in_seconds(receiver: Receiver, given_value: str, seconds: int | None) -> None:
    receiver.answer = answering(503, Retry_After=given_value)
    assert post(receiver.url, b"{}", {}, [receiver.entry]).retry_after == seconds


@pytest.mark.parametrize(("ahead", "least", "most"), [(3600, 3590, 3600), (-3600, 0, 0)])
def test_it_reads_retry_after_as_a_date(receiver: Receiver, ahead: int, least: int, most: int) -> None:
    receiver.answer = answering(429, Retry_After=email.utils.formatdate(time.time() + ahead, usegmt=True))
    seconds = post(receiver.url, b"{}", {}, [receiver.entry]).retry_after
    assert seconds is not None
    assert least <= seconds <= most
