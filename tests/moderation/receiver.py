"""A real HTTP server on loopback that keeps what it gets and answers as told; and names that resolve as told."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ssl import SSLContext
from typing import Any

import pytest


@dataclass
class Request:
    path: str
    headers: dict[str, str]  # names in lower case
    body: bytes


@dataclass
class Receiver:
    """`answer` writes the whole response to the connection; by default 200 and "ok"."""

    port: int
    answer: Callable[[BaseHTTPRequestHandler], None]
    requests: list[Request] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://{self.entry}/hook"

    @property
    def entry(self) -> str:
        return f"127.0.0.1:{self.port}"


def answering(status: int, body: bytes = b"ok", **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    """Header names are given with _ for -."""

    def answer(connection: BaseHTTPRequestHandler) -> None:
        connection.send_response(status)
        for name, value in headers.items():
            connection.send_header(name.replace("_", "-"), value)
        connection.send_header("Content-Length", str(len(body)))
        connection.end_headers()
        connection.wfile.write(body)

    return answer


@contextmanager
def receiving(tls: SSLContext | None = None) -> Iterator[Receiver]:
    class Connection(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.requests.append(Request(self.path, headers, body))
            try:
                receiver.answer(self)
            except OSError:
                self.close_connection = True  # the client has had enough

        do_GET = do_POST  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the name that the base class gives it
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Connection)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that hangs up is no news here
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    receiver = Receiver(server.server_port, answering(200))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()


class Resolver:
    """Answers for some names, each answer once; all other names are looked up as ever."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **answers: list[str]) -> None:
        self.answers = {name.replace("_", "."): given for name, given in answers.items()}
        self.asked: list[str] = []
        self.really = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self.look_up)

    def look_up(self, host: Any, port: Any, *args: Any, **named: Any) -> list[Any]:
        if host not in self.answers:
            return self.really(host, port, *args, **named)
        self.asked.append(host)
        if not self.answers[host]:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return self.really(self.answers[host].pop(0), port, *args, **named)
