"""A webhook receiver to read and copy: checks each message's signature and shows the last fifty.

    ECHO_SECRET=whsec_… ECHO_PORT=8001 python echo.py

Only Python's standard library. `signature_problem` is the part that a platform needs: it checks a message as Standard
Webhooks 1.0 says (github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md).
GET / is a page, GET /received.json the same as JSON, POST to any path receives.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import hmac
import html
import json
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from string import Template
from typing import Any

HERE = Path(__file__).parent
KEPT = 50
MOST_BYTES = 1024 * 1024
TOLERANCE_SECONDS = 300


def signature_problem(secret: str, headers: Mapping[str, str], body: bytes, now: float | None = None) -> str:
    """Why a message must not be believed, or "" when its signature is right.

    `secret` is what was shown once when the endpoint was added (whsec_ and base64), `headers` maps any spelling of the
    names, `body` is the raw request body: parsing and writing it again would change its bytes.
    """
    given = {name.lower(): value for name, value in headers.items()}
    missing = [name for name in ("webhook-id", "webhook-timestamp", "webhook-signature") if not given.get(name)]
    if missing:
        return f"no {missing[0]} header"
    stamp = given["webhook-timestamp"]
    if not (stamp.isascii() and stamp.isdigit()):
        return "the timestamp is no number"
    if abs((time.time() if now is None else now) - int(stamp)) > TOLERANCE_SECONDS:
        return "the timestamp is more than five minutes off"  # otherwise a recorded message could be sent again
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{given['webhook-id']}.{stamp}.".encode() + body
    expected = b"v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
    signatures = given["webhook-signature"].encode().split(b" ")  # more than one while a secret is being replaced
    if any(hmac.compare_digest(expected, signature) for signature in signatures):
        return ""
    return "no signature fits the secret and the body"


@dataclass
class Received:
    id: str
    verified: bool
    problem: str
    at: str
    times: int
    message: Any  # the parsed body; None when it is no JSON


class Inbox:
    """The newest messages, newest first. One id is one message, however often it is sent: take it once."""

    def __init__(self, secret: str) -> None:
        self.secret = secret
        self.kept: deque[Received] = deque(maxlen=KEPT)
        self.lock = threading.Lock()

    def take(self, headers: Mapping[str, str], body: bytes) -> Received:
        problem = signature_problem(self.secret, headers, body)
        try:
            message = json.loads(body)
        except (ValueError, RecursionError):
            message = None
        name = next((value for key, value in headers.items() if key.lower() == "webhook-id"), "")
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        with self.lock:
            for known in self.kept:
                if known.verified and not problem and known.id == name:
                    known.times += 1
                    known.at = at
                    return known
            received = Received(name, not problem, problem, at, 1, message)
            self.kept.appendleft(received)
            return received

    def listed(self) -> list[dict[str, Any]]:
        with self.lock:
            return [asdict(received) for received in self.kept]


def page(received: list[dict[str, Any]]) -> str:
    rows = "\n".join(row(entry) for entry in received)
    empty = '<p class="empty">Nothing yet. The page looks again every five seconds.</p>'
    return Template((HERE / "page.html").read_text()).substitute(count=len(received), kept=KEPT, rows=rows or empty)


def as_object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def row(entry: dict[str, Any]) -> str:
    message = as_object(entry["message"])
    about = as_object(message.get("data"))
    parts = [about.get(name) for name in ("external_id", "outcome", "decision", "effect") if about.get(name)]
    verdict = "signature verified" if entry["verified"] else f"signature wrong: {entry['problem']}"
    return Template((HERE / "row.html").read_text()).substitute(
        tone="good" if entry["verified"] else "bad",
        verdict=html.escape(verdict),
        type=html.escape(str(message.get("type", "not a webhook message"))),
        summary=html.escape(" · ".join(map(str, parts))),
        at=html.escape(entry["at"]),
        times=f"received {entry['times']} times" if entry["times"] > 1 else "",
        id=html.escape(entry["id"]),
        body=html.escape(json.dumps(entry["message"], indent=2, ensure_ascii=False)),
    )


class Desk(BaseHTTPRequestHandler):
    inbox: Inbox
    timeout = 15
    server_version, sys_version = "echo", ""

    def do_GET(self) -> None:
        if self.headers.get("Host", "").rpartition(":")[0] not in {"127.0.0.1", "localhost"}:
            # a page elsewhere may point its own name at this machine (DNS rebinding) and read along
            self.answer(HTTPStatus.MISDIRECTED_REQUEST, "text/plain; charset=utf-8", "Ask for 127.0.0.1.\n")
            return
        path = self.path.partition("?")[0]
        if path == "/":
            self.answer(HTTPStatus.OK, "text/html; charset=utf-8", page(self.inbox.listed()))
        elif path == "/page.css":
            self.answer(HTTPStatus.OK, "text/css; charset=utf-8", (HERE / "page.css").read_text())
        elif path == "/received.json":
            self.answer(HTTPStatus.OK, "application/json", json.dumps(self.inbox.listed(), ensure_ascii=False))
        else:
            self.answer(HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8", "There is / and /received.json.\n")

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            self.answer(HTTPStatus.LENGTH_REQUIRED, "text/plain; charset=utf-8", "Content-Length is missing.\n")
        elif int(length) > MOST_BYTES:
            self.answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "text/plain; charset=utf-8", "At most 1 MiB.\n")
        else:
            received = self.inbox.take(dict(self.headers.items()), self.rfile.read(int(length)))
            status = HTTPStatus.OK if received.verified else HTTPStatus.UNAUTHORIZED
            said = "verified" if received.verified else received.problem
            self.answer(status, "text/plain; charset=utf-8", f"{said}\n")

    def answer(self, status: HTTPStatus, media_type: str, text: str) -> None:
        content = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src data:")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the name that the base class gives it
        if self.command == "POST":
            sys.stdout.write(f"{self.log_date_time_string()} {format % args}\n")
            sys.stdout.flush()


def serve(host: str, port: int, secret: str) -> ThreadingHTTPServer:
    """A server that listens already; the caller runs `serve_forever`."""
    desk = type("Desk", (Desk,), {"inbox": Inbox(secret)})
    return ThreadingHTTPServer((host, port), desk)


def main() -> None:
    parser = argparse.ArgumentParser(description="Receives webhooks, checks their signatures, shows the last fifty.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=int(os.environ.get("ECHO_PORT") or 8001))
    parser.add_argument("--secret-file", type=Path, help="a file with the secret (default: ECHO_SECRET)")
    given = parser.parse_args()
    secret = given.secret_file.read_text().strip() if given.secret_file else os.environ.get("ECHO_SECRET", "")
    if not secret.startswith("whsec_"):
        parser.error("give the endpoint's secret (whsec_…) in ECHO_SECRET or --secret-file")
    server = serve(given.host, given.port, secret)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    sys.stdout.write(f"webhooks are shown at http://{given.host}:{server.server_port}/\n")
    sys.stdout.flush()
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()


if __name__ == "__main__":
    main()
