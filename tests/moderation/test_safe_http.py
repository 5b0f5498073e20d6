from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.safe_http import Unreachable, UnsafeUrl, post, target_of
from tests.moderation.receiver import Receiver, Resolver, answering, receiving

NAME = "hooks.example"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "0x7f000001",
        "0x7f.1",
        "0X7F.0x0.0.1",
        "017700000001",
        "0177.1",
        "0",
        "2130706433",
        "0177.0.0.1",
        "１２７.0.0.1",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "0.0.0.0",  # noqa: S104  it must be refused
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "0xa9fea9fe",
        "2852039166",
        "0251.0376.0251.0376",
        "①②⑦.⓪.⓪.①",
        "127。0。0。1",
        "192.0.0.192",
        "168.63.129.16",
        "100.100.100.200",
        "192.88.99.1",
        "240.0.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "[::]",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:169.254.169.254]",
        "[::ffff:a9fe:a9fe]",
        "[::ffff:10.0.0.1]",
        "[0:0:0:0:0:ffff:7f00:0001]",
        "[::ffff:0:127.0.0.1]",
        "[::ffff:0:a9fe:a9fe]",
        "[::127.0.0.1]",
        "[::8.8.8.8]",
        "[::a9fe:a9fe]",
        "[64:ff9b::169.254.169.254]",
        "[64:ff9b:1:fffe::7f00:1]",
        "[2002:a9fe:a9fe::1]",
        "[2001:0:a9fe:a9fe::]",
        "[2400::5efe:127.0.0.1]",
        "[2400::200:5efe:a9fe:a9fe]",
        "[fd00:ec2::254]",
        "[fe80::1%25eth0]",
        "[3fff::1]",
        "[5f00::1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b:1::a00:1]",
        "[2002:7f00:1::]",
        "[2001:0:53aa:64c::]",
        "[fe80::1]",
        "[fec0::1]",
        "[fd00::1]",
        "[ff02::1]",
        "[2001:db8::1]",
    ],
)
def test_it_does_not_reach_inside(host: str) -> None:
    with pytest.raises((UnsafeUrl, Unreachable)) as refused:
        target_of(f"https://{host}/hook", [])
    if "." in host and host[0].isdigit() and host.isascii():
        assert refused.type is UnsafeUrl


@pytest.mark.parametrize("address", ["93.184.215.14", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8"])
def test_it_reaches_public_addresses(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    Resolver(monkeypatch, hooks_example=[address])
    assert target_of(f"https://{NAME}/hook", []).addresses == (address,)


def test_a_name_that_also_points_inside_is_refused_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    both = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in ("1.1.1.1", "10.0.0.5")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_named: both)
    with pytest.raises(UnsafeUrl, match="not a public address"):
        target_of(f"https://{NAME}/", [])


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example/hook",
        "ftp://hooks.example/hook",
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_FLUSHALL",
        "javascript:alert(1)",
        "//hooks.example/hook",
        "https:///hook",
        "https://",
        "",
        "https://user@hooks.example/",
        "https://user:secret@hooks.example/",
        "https://@hooks.example/",
        "https://hooks.example@127.0.0.1/",
        "https://hooks.example\\@127.0.0.1/",
        "https://hooks.example%2f@127.0.0.1/",
        "https://hooks.example:443@127.0.0.1/",
        "https://hooks.example/a\nX-Injected: 1",
        "https://hooks.example/a\rb",
        "https://hooks.example/a\0b",
        "https://hooks.example/a HTTP/1.1",
        "https://hooks.example\r\nHost: inside/",
        "https://hooks.example:99999/",
        "https://hooks.example:port/",
        "https://hooks.example/a b",
        "https://hooks.example/a\r\nHost: inside",
        "https://hooks.example\t/",
        "https://[::1",
        "https://" + "a" * 70 + ".example/",
    ],
)
def test_it_refuses_what_is_no_plain_https_url(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = Resolver(monkeypatch, hooks_example=["1.1.1.1"])
    with pytest.raises(UnsafeUrl):
        target_of(url, [])
    assert resolver.asked == [], "nothing is looked up for it either"


def no_such_name(*_args: Any, **_named: Any) -> Any:
    raise socket.gaierror(socket.EAI_NONAME, "no such name")


@given(
    st.text(max_size=60) | st.builds("https://{}.invalid:{}/{}".format, st.text(max_size=9), st.integers(), st.text())
)
def test_any_text_is_refused_or_unreachable(url: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", no_such_name)
        with pytest.raises((UnsafeUrl, Unreachable)):
            target_of(url, [])


def test_it_posts_to_an_allow_listed_entry(receiver: Receiver) -> None:
    receiver.answer = answering(202, b"thanks")
    answer = post(f"{receiver.url}/a%20ü?q=1&r=ä#part", b'{"a":1}', {"webhook-id": "m1"}, [receiver.entry])
    assert (answer.status, answer.excerpt, answer.retry_after) == (202, "thanks", None)
    (request,) = receiver.requests
    assert (request.path, request.body) == ("/hook/a%20%C3%BC?q=1&r=%C3%A4", b'{"a":1}')
    assert (request.headers["host"], request.headers["webhook-id"]) == (receiver.entry, "m1")


@pytest.mark.parametrize("entry", ["127.0.0.1", "127.0.0.1:1", "localhost:{port}", "*", "127.0.0.0/8"])
def test_an_entry_is_one_host_and_one_port(receiver: Receiver, entry: str) -> None:
    with pytest.raises(UnsafeUrl):
        post(receiver.url, b"", {}, [entry.format(port=receiver.port)])
    assert receiver.requests == []


def test_it_follows_no_redirect(receiver: Receiver) -> None:
    receiver.answer = answering(307, Location=f"http://127.0.0.1:{receiver.port}/elsewhere")
    assert post(receiver.url, b"{}", {}, [receiver.entry]).status == 307
    assert [request.path for request in receiver.requests] == ["/hook"]


def test_it_resolves_once_and_connects_to_that_address(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: the second answer would be another address."""
    resolver = Resolver(monkeypatch, hooks_example=["127.0.0.1", "127.0.0.9"])
    answer = post(f"http://{NAME}:{receiver.port}/hook", b"{}", {}, [f"{NAME}:{receiver.port}"])
    assert answer.status == 200
    assert resolver.asked == [NAME]
    assert receiver.requests[0].headers["host"] == f"{NAME}:{receiver.port}"


def test_a_name_that_points_inside_by_now_is_not_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was public when it was added; a resolver that turns it round gains nothing."""
    resolver = Resolver(monkeypatch, hooks_example=["1.1.1.1", "169.254.169.254"])
    assert target_of(f"https://{NAME}/", []).addresses == ("1.1.1.1",)
    with pytest.raises(UnsafeUrl, match="not a public address"):
        post(f"https://{NAME}/", b"{}", {})
    assert resolver.asked == [NAME, NAME]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("to", ["http://169.254.169.254/", "//127.0.0.1/", "file:///etc/passwd", "/elsewhere"])
def test_no_kind_of_redirect_leads_anywhere(receiver: Receiver, status: int, to: str) -> None:
    receiver.answer = answering(status, Location=to)
    assert post(receiver.url, b"{}", {}, [receiver.entry]).status == status
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("path", ["/a%0d%0aX-Injected:%201", "/a?b=%0d%0aX-Injected:%201", "/ä\x85b", "/a\u2028b"])
def test_no_url_can_carry_a_header(receiver: Receiver, path: str) -> None:
    """What is encoded stays encoded; what is not ASCII becomes it."""
    post(f"http://{receiver.entry}{path}", b"{}", {}, [receiver.entry])
    [request] = receiver.requests
    assert "x-injected" not in request.headers
    assert request.path.isascii()
    assert not set("\r\n ") & set(request.path)


def test_it_tries_the_next_address_when_one_does_not_answer(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in ("127.0.0.9", "127.0.0.1")]
    really = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *args, **named: found if host == NAME else really(host, *args, **named)
    )
    assert post(f"http://{NAME}:{receiver.port}/", b"{}", {}, [f"{NAME}:{receiver.port}"]).status == 200


def test_it_goes_through_no_proxy(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert post(receiver.url, b"{}", {}, [receiver.entry]).status == 200
