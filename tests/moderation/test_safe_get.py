"""Fetching a file from an address that a customer chose: inside is out of reach, and nothing is without an end."""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from moderation import safe_get
from moderation.safe_get import Refused, TooLarge, download
from moderation.safe_http import Unreachable, UnsafeUrl
from tests.moderation.receiver import Receiver, Resolver, answering, receiving

NAME = "photos.example"


@pytest.fixture
def site() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def get(url: str, *allowed: str, limit: int = 1000) -> bytes:
    into = io.BytesIO()
    download(url, into, limit, allowed)
    return into.getvalue()


def to(where: str, status: int = 302) -> Callable[[BaseHTTPRequestHandler], None]:
    return answering(status, Location=where)


def test_it_brings_the_whole_file(site: Receiver) -> None:
    content = bytes(range(256)) * 300
    site.answer = answering(200, content)
    assert get(f"{site.url}?size=l", site.entry, limit=len(content)) == content
    (request,) = site.requests
    assert (request.path, request.headers["host"]) == ("/hook?size=l", site.entry)
    assert request.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "0x7f000001",
        "localhost",
        "10.1.2.3",
        "169.254.169.254",
        "[::1]",
        "[::ffff:169.254.169.254]",
    ],
)
def test_it_does_not_reach_inside(host: str) -> None:
    with pytest.raises(UnsafeUrl):
        get(f"https://{host}/photo.jpg")


@pytest.mark.parametrize(
    "url", ["http://photos.example/a.jpg", "file:///etc/passwd", "https://user:pw@photos.example/"]
)
def test_it_takes_plain_https_urls_alone(url: str) -> None:
    with pytest.raises(UnsafeUrl):
        get(url)


def test_it_follows_a_few_redirects(site: Receiver) -> None:
    answers = iter([to("/there"), to(f"http://{site.entry}/over/there", 308), answering(200, b"the file")])
    site.answer = lambda connection: next(answers)(connection)
    assert get(site.url, site.entry) == b"the file"
    assert [request.path for request in site.requests] == ["/hook", "/there", "/over/there"]


def test_it_does_not_follow_for_ever(site: Receiver) -> None:
    site.answer = to("/hook")
    with pytest.raises(Refused) as refused:
        get(site.url, site.entry)
    assert refused.value.lasting
    assert len(site.requests) == 1 + safe_get.REDIRECTS


@pytest.mark.parametrize(
    "where",
    [
        "http://127.0.0.1:1/admin",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::1]/",
        "//localhost/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_FLUSHALL",
        "https://user:pw@photos.example/",
        "https://[broken/",
        "http://photos.example/",
    ],
)
def test_no_redirect_leads_inside_or_away_from_https(site: Receiver, where: str) -> None:
    site.answer = to(where)
    with pytest.raises(UnsafeUrl):
        get(site.url, site.entry)
    assert len(site.requests) == 1


def test_it_connects_to_the_address_that_it_looked_at(site: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: the second answer would be another address."""
    resolver = Resolver(monkeypatch, photos_example=["127.0.0.1", "127.0.0.9"])
    assert get(f"http://{NAME}:{site.port}/", f"{NAME}:{site.port}") == b"ok"
    assert resolver.asked == [NAME]


def test_a_redirect_to_the_same_name_is_looked_at_anew(site: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rebinding between two hops: what is not allow-listed must be public each time."""
    found = iter(["127.0.0.1"])
    really = socket.getaddrinfo

    def resolve(host: object, port: object, *args: object, **named: object) -> object:
        address = next(found, "10.0.0.5") if host == NAME else host
        return really(address, port, *args, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    site.answer = to(f"https://{NAME}/again")
    with pytest.raises(UnsafeUrl, match="not a public address"):
        get(f"http://{NAME}:{site.port}/", f"{NAME}:{site.port}")


@pytest.mark.parametrize("declared", [True, False])
def test_it_hangs_up_on_what_is_too_large(site: Receiver, declared: bool) -> None:
    written = 0

    def endless(connection: BaseHTTPRequestHandler) -> None:
        nonlocal written
        connection.send_response(200)
        if declared:
            connection.send_header("Content-Length", str(10**12))
        connection.end_headers()
        for _ in range(4000):
            written += connection.wfile.write(b"x" * 16384)

    site.answer = endless
    with pytest.raises(TooLarge):
        get(site.url, site.entry)
    assert written < 4000 * 16384, "it hung up"


@pytest.mark.parametrize("begin", [b"", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_a_byte_now_and_then_buys_no_time(site: Receiver, monkeypatch: pytest.MonkeyPatch, begin: bytes) -> None:
    monkeypatch.setattr(safe_get, "TOTAL_SECONDS", 0.4)

    def drip(connection: BaseHTTPRequestHandler) -> None:
        connection.wfile.write(begin)
        for _ in range(200):
            connection.wfile.write(b"x")
            time.sleep(0.05)

    site.answer = drip
    with pytest.raises(Unreachable):
        get(site.url, site.entry)


def test_redirects_share_the_one_deadline(site: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safe_get, "TOTAL_SECONDS", 0.4)

    def slowly(connection: BaseHTTPRequestHandler) -> None:
        time.sleep(0.25)
        to("/next")(connection)

    site.answer = slowly
    with pytest.raises(Unreachable):
        get(site.url, site.entry)


@pytest.mark.parametrize(
    ("status", "lasting"), [(404, True), (403, True), (204, True), (429, False), (503, False), (408, False)]
)
def test_another_answer_than_the_file_is_refused(site: Receiver, status: int, lasting: bool) -> None:
    site.answer = answering(status, b"")
    with pytest.raises(Refused) as refused:
        get(site.url, site.entry)
    assert refused.value.lasting is lasting


def test_a_body_that_breaks_off_is_no_file(site: Receiver) -> None:
    def break_off(connection: BaseHTTPRequestHandler) -> None:
        connection.send_response(200)
        connection.send_header("Content-Length", "1000")
        connection.end_headers()
        connection.wfile.write(b"half")
        connection.close_connection = True

    site.answer = break_off
    with pytest.raises(Unreachable):
        get(site.url, site.entry)
