from __future__ import annotations

import contextlib
import gzip
import io
import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import sentry_sdk
import structlog
from django.conf import LazySettings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from PIL import Image

from moderation import telemetry

KEY = "dg_abcdefgh_" + "K" * 43
SECRET = "whsec_" + "S" * 44
CAMERA = "Camera of Ada Lovelace, 48.2082 N"


def broken(request: HttpRequest) -> HttpResponse:
    [upload] = request.FILES.values()
    held_locally = b"".join(upload.chunks())  # type: ignore[union-attr]
    structlog.get_logger("test").error("cannot_read", key=KEY, head=held_locally[:200].decode("latin-1"))
    raise ValueError(f"cannot read for {KEY} and {SECRET}")


urlpatterns = [path("broken", broken)]


@pytest.fixture
def sentry(settings: LazySettings) -> Iterator[list[bytes]]:
    """A real Sentry client that reports to a server of this test's own: what it received, in clear."""
    received: list[bytes] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        settings.SENTRY_DSN = f"http://public@127.0.0.1:{server.server_port}/1"
        telemetry.set_up_sentry()
        yield received
        sentry_sdk.get_global_scope().set_client(None)  # off again
        server.shutdown()


@contextlib.contextmanager
def logging_restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def picture_with_exif() -> bytes:
    exif = Image.Exif()
    exif[0x010F] = CAMERA
    buffer = io.BytesIO()
    Image.new("RGB", (32, 32)).save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


@pytest.mark.urls(__name__)
@pytest.mark.filterwarnings("ignore:No directory at")
def test_it_reports_an_error_to_sentry_without_media_keys_exif_or_cookies(sentry: list[bytes]) -> None:
    client = Client(raise_request_exception=False)
    client.cookies["sessionid"] = "cookie-of-ada"
    upload = SimpleUploadedFile("ada-at-home.jpg", picture_with_exif(), "image/jpeg")
    form = {"file": upload, "external_id": "post-of-ada"}
    answer = client.post("/broken?q=query-of-ada", form, headers={"Authorization": f"Bearer {KEY}"})
    assert answer.status_code == 500
    sentry_sdk.flush(5)
    told = b"".join(sentry).decode("utf-8", "replace")
    assert "ValueError" in told
    assert "cannot read for dg_abcdefgh_" in told
    assert "cannot_read" in told
    for hidden in ("K" * 43, "S" * 44, CAMERA, "cookie-of-ada", "query-of-ada", "post-of-ada", "ada-at-home"):
        assert hidden not in told


def test_it_masks_secrets_and_bytes_wherever_they_hide() -> None:
    event = {"a": [{"b": f"key {KEY}"}, (SECRET,)], "c": b"\xff\xd8\xff", "d": 3, "e": f"Authorization: Bearer {KEY}"}
    assert telemetry.masked(event) == {
        "a": [{"b": "key dg_abcdefgh_…"}, ["whsec_…"]],
        "c": "3 bytes",
        "d": 3,
        "e": "Authorization: Bearer …",
    }


def test_it_leaves_sentry_off_without_a_dsn(settings: LazySettings) -> None:
    settings.SENTRY_DSN = ""
    with logging_restored():
        telemetry.set_up()
    assert not sentry_sdk.get_client().is_active()


def test_it_writes_one_json_object_a_line_with_the_request_id(
    settings: LazySettings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.LOG_FORMAT = "json"
    with logging_restored():
        telemetry.set_up()
        structlog.contextvars.bind_contextvars(request_id="r1")
        logging.getLogger("a.library").warning("odd %s", "thing")
        structlog.contextvars.clear_contextvars()
    [line] = capsys.readouterr().err.splitlines()
    written = json.loads(line)
    assert (written["event"], written["level"], written["request_id"]) == ("odd thing", "warning", "r1")


@pytest.mark.filterwarnings("ignore:No directory at")
def test_it_names_each_request_by_an_id_of_its_own(client: Client) -> None:
    first, second = (client.get("/healthz")["X-Request-Id"] for _ in range(2))
    assert len(first) == 32
    assert first != second
