"""Fetching a file from an address that customers chose: as guarded as `safe_http`, streamed, with a limit in bytes.

A redirect is looked at like the first address, and resolved and connected to just so; a few of them, all within the
one deadline.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import BinaryIO
from urllib.parse import urljoin

import httpcore

from moderation.safe_http import UnsafeUrl, exchange, target_of

TOTAL_SECONDS = 60.0
REDIRECTS = 3
REDIRECTING = {301, 302, 303, 307, 308}
HEADERS = {"Accept": "image/*, video/*", "Accept-Encoding": "identity", "User-Agent": "deepfake-guard"}


class TooLarge(Exception):
    """More bytes than the limit, by its own word or in fact."""


class Refused(Exception):
    """A complete answer that is not the file. `lasting`: asking again is no use."""

    def __init__(self, status: int) -> None:
        super().__init__(f"answered {status}")
        self.lasting = status < 500 and status not in {408, 425, 429}


def download(url: str, into: BinaryIO, limit: int, allowed: Collection[str] = (), proxy: str = "") -> None:
    """Raises UnsafeUrl, Unreachable, TooLarge or Refused; then part of the file may have been written."""
    deadline = time.monotonic() + TOTAL_SECONDS
    for _ in range(REDIRECTS + 1):
        with exchange("GET", target_of(url, allowed), HEADERS, b"", deadline, proxy) as response:
            where = _header(response, b"location")
            if response.status not in REDIRECTING or not where:
                _receive(response, into, limit)
                return
        try:
            url = urljoin(url, where)
        except ValueError as error:
            raise UnsafeUrl(f"redirected to a malformed URL: {error}") from error
    raise Refused(response.status)


def _receive(response: httpcore.Response, into: BinaryIO, limit: int) -> None:
    if response.status != 200:
        raise Refused(response.status)
    declared = _header(response, b"content-length")
    if declared.isdigit() and int(declared) > limit:
        raise TooLarge(f"{declared} bytes, the limit is {limit}")
    received = 0
    for chunk in response.iter_stream():
        received += len(chunk)
        if received > limit:
            raise TooLarge(f"more than {limit} bytes")
        into.write(chunk)


def _header(response: httpcore.Response, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in response.headers if key.lower() == name), "")
