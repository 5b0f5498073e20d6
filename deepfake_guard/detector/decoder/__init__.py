"""Hostile bytes → pixels, in a child process that can do nothing else (design.md §4.14).

Celery's pool children are daemonic and may not use multiprocessing, so the child is a `Popen`. It is kept for many
files, killed and replaced when one breaks it, and speaks length-prefixed JSON and raw RGB whose sizes are checked here.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

CHILD = Path(__file__).with_name("child.py")
FILES_PER_CHILD = 200  # slow leaks in image libraries end with the child
ANSWER_LIMIT = 64 * 1024
START_SECONDS = 30
MEDIA_TYPES = {f"image/{kind}" for kind in ("jpeg", "png", "webp", "gif", "avif", "heic", "bmp", "tiff")}
REFUSALS, REMARKS = {"decode_error", "too_many_pixels"}, {"first_frame_only"}
MOST_TABLES = 4
BASE_MEMORY = 512 * 1024 * 1024
BYTES_PER_PIXEL = 26  # most hungry is WebP with alpha: two canvases (4 + 4), their copies (4 + 4), RGB twice (4 + 4)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may cost. `seconds` bounds both its CPU time and the wait for its answer."""

    max_pixels: int = 64_000_000
    seconds: int = 20

    @property
    def memory(self) -> int:
        """Address space of the child, in bytes."""
        return BASE_MEMORY + BYTES_PER_PIXEL * self.max_pixels


@dataclass(frozen=True, slots=True)
class Picture:
    """rgb: uint8 [H, W, 3], upright (EXIF applied), alpha on white. remarks: reason codes that do not end a scan.

    lossless: of the container's compression, None where it does not say. tables: the quantisation tables of a JPEG, 64
    steps each in reading order, luminance first (`encoding` reads both).
    """

    rgb: NDArray[np.uint8]
    media_type: str
    remarks: tuple[str, ...]
    lossless: bool | None = None
    tables: tuple[tuple[int, ...], ...] = ()


class DecodeRefused(ValueError):
    """The file is the cause: `reason` is its code (`decode_error`, `too_many_pixels`)."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class DecoderKilled(RuntimeError):
    """The child died or fell silent over this file; the next file gets a fresh child."""

    reason = "decoder_killed"


class DecoderUnavailable(RuntimeError):
    """No child starts on this machine: not the fault of any file."""


class Decoder:
    """Owns one child. Not for use by several threads at once."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.in_force: dict[str, bool] = {}
        self._child: subprocess.Popen[bytes] | None = None
        self._link: socket.socket | None = None
        self._files = 0

    def decode(self, path: Path) -> Picture:
        """The first frame of a file.

        Raises DecodeRefused, DecoderKilled, DecoderUnavailable, or OSError when the file cannot be opened.
        """
        with path.open("rb") as stream:
            link = self._started()
            self._files += 1
            with self._killing_on_trouble(DecoderKilled):
                link.settimeout(self.limits.seconds)
                socket.send_fds(link, [b"decode"], [stream.fileno()])
                deadline = time.monotonic() + self.limits.seconds
                document = _document(link, deadline)
                if "refused" in document:
                    raise DecodeRefused(_one_of(REFUSALS, document["refused"]), str(document["detail"]))
                return self._picture(link, document, deadline)

    def limits_in_force(self) -> dict[str, bool]:
        """Which confinements the platform granted, by name."""
        self._started()
        return dict(self.in_force)

    def close(self) -> None:
        if self._link is not None:
            self._link.close()
        if self._child is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._child.pid, signal.SIGKILL)  # and whatever a taken-over child has started
            self._child.wait()
        self._child = self._link = None

    def __enter__(self) -> Decoder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _started(self) -> socket.socket:
        if self._files >= FILES_PER_CHILD or (self._child is not None and self._child.poll() is not None):
            self.close()
        if self._link is None:
            ours, theirs = socket.socketpair()
            wanted = {
                "memory": self.limits.memory,
                "cpu_seconds": self.limits.seconds,
                "max_pixels": self.limits.max_pixels,
            }
            command = [sys.executable, "-I", str(CHILD), json.dumps(wanted)]
            with theirs:
                self._child = subprocess.Popen(
                    command,
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env={},
                    close_fds=True,
                    start_new_session=True,  # Ctrl-C in a terminal is for the parent; the child ends with its socket
                )
            self._link, self._files = ours, 0
            with self._killing_on_trouble(DecoderUnavailable):
                self.in_force = dict(_document(ours, time.monotonic() + START_SECONDS)["in_force"])
        return self._link

    @contextmanager
    def _killing_on_trouble(self, trouble: type[RuntimeError]) -> Iterator[None]:
        """After anything but a clean answer the stream's state is unknown, so the child goes."""
        try:
            yield
        except DecodeRefused:
            raise
        except (OSError, EOFError, ValueError, LookupError, TypeError, RecursionError) as error:
            self.close()
            raise trouble(f"the decoder died or fell silent: {str(error) or type(error).__name__}") from error
        except BaseException:
            self.close()
            raise

    def _picture(self, link: socket.socket, document: dict[str, Any], deadline: float) -> Picture:
        width, height = document["width"], document["height"]
        if not (
            type(width) is type(height) is int and min(width, height) > 0 and width * height <= self.limits.max_pixels
        ):
            raise ValueError("an answer of impossible size")
        rgb = np.frombuffer(_exactly(link, width * height * 3, deadline), np.uint8).reshape(height, width, 3)
        remarks = tuple(_one_of(REMARKS, remark) for remark in document["remarks"])
        media_type = _one_of(MEDIA_TYPES, document["media_type"])
        return Picture(rgb, media_type, remarks, *_compression(document))


def _one_of(known: set[str], word: str) -> str:
    """The child is not trusted: a file that took it over must not choose what is stored."""
    if word not in known:
        raise ValueError("an answer with an unknown word")
    return word


def _compression(document: dict[str, Any]) -> tuple[bool | None, tuple[tuple[int, ...], ...]]:
    """`lossless` and `tables` of an answer; at most four tables of 64 steps of 16 bits (ITU-T T.81, B.2.4.1)."""
    lossless, tables = document["lossless"], document["tables"]
    if not (lossless is None or type(lossless) is bool) or len(tables) > MOST_TABLES:
        raise ValueError("an answer of impossible compression")
    if any(
        len(table) != 64 or any(type(step) is not int or not 0 <= step < 1 << 16 for step in table) for table in tables
    ):
        raise ValueError("an answer with impossible tables")
    return lossless, tuple(tuple(table) for table in tables)


def _document(link: socket.socket, deadline: float) -> dict[str, Any]:
    (length,) = struct.unpack(">I", _exactly(link, 4, deadline))
    if length > ANSWER_LIMIT:
        raise ValueError("an answer of impossible length")
    document = json.loads(_exactly(link, length, deadline))
    if not isinstance(document, dict):
        raise ValueError("an answer of impossible form")
    return document


def _exactly(link: socket.socket, count: int, deadline: float) -> bytearray:
    received = bytearray(count)
    view = memoryview(received)
    while view:
        link.settimeout(max(0.001, deadline - time.monotonic()))
        got = link.recv_into(view)
        if not got:
            raise EOFError("closed before the end")
        view = view[got:]
    return received


def limits_in_force(limits: Limits | None = None) -> dict[str, bool]:
    """Start a child only to ask which confinements hold on this machine."""
    with contextlib.closing(Decoder(limits)) as decoder:
        return decoder.limits_in_force()
