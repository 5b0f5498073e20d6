"""Out through the project's own proxy (CONNECT, RFC 9110 §9.3.6). The tunnel leads to an address, not to a name."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

import httpcore

HEAD_BYTES = 8 * 1024


@dataclass(frozen=True, slots=True)
class Proxy:
    """`authorization`: the value of that header, or nothing."""

    host: str
    port: int
    authorization: str


def proxy_of(url: str) -> Proxy:
    """`http://[user:password@]host:port`. Raises ValueError for anything else."""
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname or not parts.port or parts.path.strip("/") or parts.query:
        raise ValueError("a proxy is given as http://[user:password@]host:port")
    credentials = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    authorization = f"Basic {base64.b64encode(credentials.encode()).decode()}" if parts.username else ""
    return Proxy(parts.hostname, parts.port, authorization)


def tunnel(stream: httpcore.NetworkStream, proxy: Proxy, address: str, port: int) -> None:
    """Have the proxy connect this stream to an address. Raises httpcore.ConnectError where it refuses."""
    there = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    lines = [f"CONNECT {there} HTTP/1.1", f"Host: {there}"]
    if proxy.authorization:
        lines.append(f"Proxy-Authorization: {proxy.authorization}")
    stream.write(("\r\n".join(lines) + "\r\n\r\n").encode("ascii"))
    head = b""
    while b"\r\n\r\n" not in head and len(head) < HEAD_BYTES:
        if not (received := stream.read(HEAD_BYTES)):
            break
        head += received
    status = head.split(b"\r\n", 1)[0].decode("latin-1")
    # nothing may follow: the other end of the tunnel says nothing before it is spoken to
    if not head.endswith(b"\r\n\r\n") or not status.startswith("HTTP/1.") or status.split(" ")[1:2] != ["200"]:
        raise httpcore.ConnectError(f"the proxy did not connect: {status[:100] or 'no answer'}")
