"""POST to addresses that customers chose, without becoming their way into our network (OWASP SSRF prevention).

The name is resolved once and the connection goes to that very address, so a resolver that answers differently the
second time gains nothing. Redirects are not followed, and the whole exchange has 15 s.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

TOTAL_SECONDS = 15.0
ANSWER_BYTES = 64 * 1024
EXCERPT_CHARACTERS = 500
PORTS = {"https": 443, "http": 80}


class UnsafeUrl(ValueError):
    """The address must not be called; the message says why."""


class Unreachable(Exception):
    """No complete answer came: refused, silent, too slow or too long."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`retry_after`: seconds asked for, when the header is a number."""

    status: int
    excerpt: str
    retry_after: int | None


@dataclass(frozen=True, slots=True)
class Target:
    scheme: str
    host: str
    port: int
    address: str
    path: str


def target_of(url: str, allowed: Collection[str]) -> Target:
    """Take a URL apart and resolve it. `allowed`: single host:port entries that may be private and plain http."""
    if any(ord(character) <= 32 or ord(character) == 127 for character in url):
        raise UnsafeUrl("the URL has spaces or control characters")
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS.get(parts.scheme, 0)
    except ValueError as error:
        raise UnsafeUrl(f"the URL is malformed: {error}") from error
    host = parts.hostname or ""
    if parts.scheme not in PORTS or not host:
        raise UnsafeUrl("only https:// (and http:// for allow-listed entries) can be called")
    if parts.username is not None or parts.password is not None:
        raise UnsafeUrl("the URL carries a user name or password")
    trusted = f"{host}:{port}" in allowed
    if parts.scheme == "http" and not trusted:
        raise UnsafeUrl("only https:// is called")
    address = _resolve(host, port, trusted)
    path = parts.path or "/"
    return Target(parts.scheme, host, port, address, f"{path}?{parts.query}" if parts.query else path)


def _resolve(host: str, port: int, trusted: bool) -> str:
    """The first address, when all are allowed: a name that also points inside is refused whole."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unreachable(f"{host} cannot be resolved") from error
    addresses = [str(entry[4][0]) for entry in found]
    if not trusted and any(not _is_public(address) for address in addresses):
        raise UnsafeUrl(f"{host} is not a public address")
    return addresses[0]


def _is_public(address: str) -> bool:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        inner = parsed.ipv4_mapped or parsed.sixtofour or (parsed.teredo[1] if parsed.teredo else None)
        if inner is not None and not _is_public(str(inner)):
            return False
        if parsed in ipaddress.ip_network("64:ff9b::/96"):  # NAT64 reaches IPv4 from inside (RFC 6052)
            return False
    return parsed.is_global and not parsed.is_multicast and not parsed.is_reserved


def post(url: str, body: bytes, headers: Mapping[str, str], allowed: Collection[str] = ()) -> Answer:
    """Raises UnsafeUrl or Unreachable. Any complete answer, also an error or a redirect, is returned."""
    target = target_of(url, allowed)
    literal = f"[{target.address}]" if ":" in target.address else target.address
    authority = f"[{target.host}]" if ":" in target.host else target.host
    host = authority if target.port == PORTS[target.scheme] else f"{authority}:{target.port}"
    deadline = time.monotonic() + TOTAL_SECONDS
    try:
        with httpx.Client(follow_redirects=False, trust_env=False, timeout=TOTAL_SECONDS) as client:
            request = client.build_request(
                "POST",
                f"{target.scheme}://{literal}:{target.port}{target.path}",
                content=body,
                headers={**headers, "Host": host},
                extensions={"sni_hostname": target.host} if target.scheme == "https" else {},
            )
            response = client.send(request, stream=True)
            try:
                received = _read(response, deadline)
            finally:
                response.close()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise Unreachable(f"{type(error).__name__}: {error}"[:300]) from error
    retry_after = response.headers.get("retry-after", "")
    return Answer(
        response.status_code,
        received.decode("utf-8", "replace")[:EXCERPT_CHARACTERS].replace("\0", ""),
        int(retry_after) if retry_after.isascii() and retry_after.isdigit() and len(retry_after) < 7 else None,
    )


def _read(response: httpx.Response, deadline: float) -> bytes:
    """At most 64 KiB and until the deadline: each chunk may be punctual and the whole still never end."""
    received = bytearray()
    for chunk in response.iter_raw(4096):
        received += chunk
        if len(received) > ANSWER_BYTES:
            break
        if time.monotonic() > deadline:
            raise Unreachable("the answer took longer than 15 s")
    return bytes(received[:ANSWER_BYTES])
