"""POST to addresses that customers chose, without becoming their way into our network (OWASP SSRF prevention).

The name is resolved once and the connection goes to that very address, so a resolver that answers differently the
second time gains nothing; through a proxy the tunnel is asked for by that address. Redirects are not followed, and the
whole exchange has 15 s.
"""

# ruff: noqa: ARG002  the arguments of httpcore's interfaces are named by httpcore
from __future__ import annotations

import email.utils
import ipaddress
import socket
import ssl
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Any
from urllib.parse import quote, urlsplit

import httpcore
import httpx

from moderation.egress import Proxy, proxy_of, tunnel
from moderation.sentence import Sentence

TOTAL_SECONDS = 15.0
ANSWER_BYTES = 64 * 1024
EXCERPT_CHARACTERS = 500
PORTS = {"https": 443, "http": 80}
FAILURES = (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError)
NOT_PUBLIC = tuple(  # beside what `ipaddress` knows, whose older versions know less
    map(
        ipaddress.ip_network,
        (
            *("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "fec0::/10"),  # NAT64 (RFC 6052, 8215), 6to4, site-local
            *("::/96", "::ffff:0:0:0/96", "2001::/23", "3fff::/20"),  # embed IPv4 or belong to protocols; documentation
            *("192.0.0.0/24", "192.88.99.0/24"),  # for protocols (a cloud's metadata lies there), 6to4 relays
            "168.63.129.16/32",  # a cloud's host, reachable only from inside it
        ),
    )
)
ISATAP = ("0000:5efe", "0200:5efe")  # groups 5 and 6 of an address that embeds IPv4 (RFC 5214)


class UnsafeUrl(ValueError):
    """The address must not be called; the message says why."""


class Unreachable(Exception):
    """No complete answer came: refused, silent or too slow."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`excerpt`: up to 500 characters of the body; `retry_after`: the seconds that this header asks for, if it does."""

    status: int
    excerpt: str
    retry_after: int | None


@dataclass(frozen=True, slots=True)
class Target:
    """`host` in ASCII (IDNA), `authority` as the Host header has it; `addresses` are all that may be connected to.
    `inside`: allow-listed by host and port, and so reached without a proxy."""

    scheme: str
    host: str
    port: int
    authority: str
    addresses: tuple[str, ...]
    path: str
    inside: bool = False


def target_of(url: str, allowed: Collection[str]) -> Target:
    """Take a URL apart and resolve it. `allowed`: single host:port entries that may be private and plain http.

    Raises UnsafeUrl, or Unreachable when the name has no address.
    """
    target, trusted = parse(url, allowed)
    return replace(target, addresses=_resolve(target.host, target.port, trusted), inside=trusted)


def parse(url: str, allowed: Collection[str]) -> tuple[Target, bool]:
    """Take a URL apart without looking its name up: a target without addresses, and whether it is in the list.

    Raises UnsafeUrl for what is wrong whatever the name stands for.
    """
    if any(ord(character) <= 32 or ord(character) == 127 for character in url):
        raise UnsafeUrl(Sentence("the URL has spaces or control characters"))
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS.get(parts.scheme, 0)
        host = (parts.hostname or "").encode("idna").decode()
    except ValueError as error:
        raise UnsafeUrl(Sentence("the URL is malformed: %(error)s", error=error)) from error
    if parts.scheme not in PORTS or not host:
        raise UnsafeUrl(Sentence("only https:// (and http:// for allow-listed entries) can be called"))
    if "@" in parts.netloc:
        raise UnsafeUrl(Sentence("the URL carries a user name or password"))
    literal = f"[{host}]" if ":" in host else host
    trusted = f"{literal}:{port}" in allowed
    if parts.scheme == "http" and not trusted:
        raise UnsafeUrl(Sentence("only https:// is called"))
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~") + (f"?{quote(parts.query, safe='/%:@!$&()*+,;=~?')}")
    authority = literal if port == PORTS[parts.scheme] else f"{literal}:{port}"
    return Target(parts.scheme, host, port, authority, (), path.removesuffix("?")), trusted


def _resolve(host: str, port: int, trusted: bool) -> tuple[str, ...]:
    """All addresses, when all are allowed: a name that also points inside is refused whole."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Unreachable(Sentence("%(host)s cannot be resolved", host=host)) from error
    addresses = tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not trusted and not all(map(_is_public, addresses)):
        raise UnsafeUrl(Sentence("%(host)s is not a public address", host=host))
    return addresses


def _is_public(address: str) -> bool:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return _is_public(str(parsed.ipv4_mapped))
        if parsed.exploded[20:29] in ISATAP:
            return False
    if any(parsed in network for network in NOT_PUBLIC):
        return False
    return parsed.is_global and not parsed.is_multicast and not parsed.is_reserved


def post(url: str, body: bytes, headers: Mapping[str, str], allowed: Collection[str] = (), proxy: str = "") -> Answer:
    """Raises UnsafeUrl or Unreachable. Any complete answer, also an error or a redirect, is returned."""
    deadline = time.monotonic() + TOTAL_SECONDS
    with exchange("POST", target_of(url, allowed), headers, body, deadline, proxy) as response:
        received = _beginning(response)
    excerpt = received.decode("utf-8", "replace")[:EXCERPT_CHARACTERS].replace("\0", "")
    asked = {name.lower(): value for name, value in response.headers}.get(b"retry-after", b"")
    return Answer(response.status, excerpt, _seconds(asked.decode("latin-1")))


@contextmanager
def exchange(
    method: str, target: Target, headers: Mapping[str, str], body: bytes, deadline: float, proxy: str = ""
) -> Iterator[httpcore.Response]:
    """An answer whose body is still to be read, all of it before the deadline (monotonic). Raises Unreachable."""
    through = proxy_of(proxy) if proxy and not target.inside else None
    try:
        with (
            httpcore.ConnectionPool(
                ssl_context=_tls(), network_backend=_Resolved(target.addresses, deadline, through)
            ) as pool,
            pool.stream(
                method,
                httpcore.URL(scheme=target.scheme, host=target.host, port=target.port, target=target.path),
                headers=[
                    (name.encode("ascii"), value.encode("ascii"))
                    for name, value in {**headers, "Host": target.authority, "Connection": "close"}.items()
                ],
                content=body,
            ) as response,
        ):
            yield response
    except (*FAILURES, ValueError) as error:
        raise Unreachable(f"{type(error).__name__}: {error}"[:300]) from error


@cache
def _tls() -> ssl.SSLContext:
    """Verifies names and certificates; SSL_CERT_FILE names another set of authorities."""
    return httpx.create_ssl_context()


def _beginning(response: httpcore.Response) -> bytes:
    received = bytearray()
    for chunk in response.iter_stream():
        received += chunk
        if len(received) >= ANSWER_BYTES:
            break
    return bytes(received[:ANSWER_BYTES])


def _seconds(retry_after: str) -> int | None:
    """RFC 9110 §10.2.3: seconds, or a date."""
    if retry_after.isascii() and retry_after.isdigit() and len(retry_after) < 10:
        return int(retry_after)
    try:
        return max(0, round(email.utils.parsedate_to_datetime(retry_after).timestamp() - time.time()))
    except (ValueError, OverflowError):
        return None


class _Resolved(httpcore.NetworkBackend):
    """Connects to the addresses that were looked at, whatever the name says by now, before the deadline."""

    def __init__(self, addresses: tuple[str, ...], deadline: float, proxy: Proxy | None = None) -> None:
        self.addresses = addresses
        self.deadline = deadline
        self.proxy = proxy
        self.sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        failed: Exception = httpcore.ConnectError("no address")
        for address in self.addresses:
            try:
                return self._connect(address, port)
            except httpcore.ConnectError as error:
                failed = error
        raise failed

    def _connect(self, address: str, port: int) -> httpcore.NetworkStream:
        if self.proxy is None:
            return _Timed(self.sockets.connect_tcp(address, port, _left(self.deadline)), self.deadline)
        to_proxy = self.sockets.connect_tcp(self.proxy.host, self.proxy.port, _left(self.deadline))
        stream = _Timed(to_proxy, self.deadline)
        try:
            tunnel(stream, self.proxy, address, port)
        except BaseException:
            stream.close()
            raise
        return stream


class _Timed(httpcore.NetworkStream):
    """Each operation has what is left of the whole exchange: a peer that sends a byte now and then gains nothing."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: float) -> None:
        self.stream = stream
        self.deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.stream.read(max_bytes, _left(self.deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.stream.write(buffer, _left(self.deadline))

    def close(self) -> None:
        self.stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Timed(self.stream.start_tls(ssl_context, server_hostname, _left(self.deadline)), self.deadline)

    def get_extra_info(self, info: str) -> Any:
        return self.stream.get_extra_info(info)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("the exchange took too long")
    return left
