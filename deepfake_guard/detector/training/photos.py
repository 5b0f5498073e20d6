"""A folder of photos → the largest face of each, cut by THE recipe. Reading goes on where it was stopped.

Under the run folder `photos.jsonl` gets one line a file and `crops.u8` raw pixels, one crop a face (150,528 bytes
at 224 px). The pixels are written first and the line last, so a kill loses at most the file it was at.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .. import encoding, faces, media
from ..decoder import Decoder, DecodeRefused, DecoderKilled, Limits, Picture
from ..records import Face
from .near_duplicates import fingerprint

Pixels = NDArray[np.uint8]
Say = Callable[[str], None]

STATE, CROPS = "photos.jsonl", "crops.u8"
SCHEMA = 2
SECONDS_BETWEEN_LINES = 5.0
Outcome = Picture | DecodeRefused | DecoderKilled | OSError


def silent(line: str) -> None:
    """Progress that nobody asked for."""


@dataclass(frozen=True, slots=True)
class Photo:
    """What one file gave. `file` is its path inside the folder, size in bytes and `changed` in ns tell whether it is
    still the same. reason: empty, or why it has no face to use. at: its crop's place in `crops.u8`, -1 without one."""

    file: str
    size: int
    changed: int
    reason: str = ""
    detail: str = ""
    at: int = -1
    native_px: int = 0  # side of the face crop in the photo
    encoding: str = ""  # `jpeg90`, `jpeg70`, `jpeg0`, `webp`, `lossless` or `any`
    fingerprint: str = ""  # hex


@dataclass(frozen=True, eq=False, slots=True)
class Album:
    """The photos read, in the order of reading, and all crops: uint8 [m, 224, 224, 3], mapped from the disk."""

    photos: tuple[Photo, ...]
    crops: Pixels


def listed(folder: Path, *leave_out: Path) -> list[Path]:
    """All files below the folder but hidden ones and those below `leave_out`, by name."""
    out = [path.resolve() for path in leave_out]
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(
        path
        for path in found
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and not any(path.resolve().is_relative_to(other) for other in out)
    )


def read(
    folder: Path,
    paths: Sequence[Path],
    run: Path,
    finder: faces.Finder,
    say: Say,
    *,
    limits: Limits | None = None,
    enough: int | None = None,
) -> Album:
    """Read the photos in the order given; stop when `enough` of them gave a face.

    What an earlier run on `run` has read with the same finder is not read again. Raises DecoderUnavailable.
    """
    taken, usable = list[Photo](), 0
    with closing(_Notes(run, finder)) as notes:
        known = [notes.known(path, folder) for path in paths]
        pace = _Pace(len(paths), sum(photo is not None for photo in known), say)
        waiting = [path for path, photo in zip(paths, known, strict=True) if photo is None]
        with closing(_decoded(waiting, limits)) as pictures:
            for path, photo in zip(paths, known, strict=True):
                if enough is not None and usable >= enough:
                    break
                if photo is None:
                    photo = notes.add(*_seen(path, folder, next(pictures), finder))
                    pace.step(usable)
                taken.append(photo)
                usable += not photo.reason
        crops = notes.crops()
    say(f"{len(taken):,} of {len(paths):,} photos read, {usable:,} with a face to use")
    return Album(tuple(taken), crops)


def _decoded(paths: Sequence[Path], limits: Limits | None) -> Generator[Outcome]:
    """The pictures in order, the next one being decoded while the last one is looked at: two cores, two pictures."""

    def one(path: Path) -> Outcome:
        try:
            return media.read(path, decoder)
        except (DecodeRefused, DecoderKilled, OSError) as error:
            return error

    with closing(Decoder(limits)) as decoder, ThreadPoolExecutor(1) as ahead:
        futures = [ahead.submit(one, path) for path in paths[:1]]
        for path in paths[1:]:
            current = futures.pop().result()
            futures.append(ahead.submit(one, path))
            yield current
        for future in futures:
            yield future.result()


def _seen(path: Path, folder: Path, outcome: Outcome, finder: faces.Finder) -> tuple[Photo, Pixels | None]:
    photo = _blank(path, folder)
    if isinstance(outcome, Exception):
        reason = getattr(outcome, "reason", "unreadable")
        return replace(photo, reason=reason, detail=str(outcome)), None
    found = faces.find(outcome.rgb, finder)
    if not found:
        return replace(photo, reason="no_face"), None
    face, crop = max(found, key=lambda pair: pair[0].native_px)
    if face.reason:
        return replace(photo, reason=face.reason, detail=_measured(face), native_px=face.native_px), None
    prints = fingerprint(crop, outcome.rgb).hex()
    return replace(photo, native_px=face.native_px, encoding=encoding.of(outcome), fingerprint=prints), crop


def _measured(face: Face) -> str:
    return f"{face.native_px} px wide, sharpness {face.sharpness:.1f}"


def _blank(path: Path, folder: Path) -> Photo:
    name = str(path.relative_to(folder))
    try:
        facts = path.stat()
    except OSError:  # gone since it was listed: reading it says so
        return Photo(name, -1, -1)
    return Photo(name, facts.st_size, facts.st_mtime_ns)


class _Notes:
    """The state on disk. A half-written last line, or pixels without their line, are what a kill left: cut off."""

    def __init__(self, run: Path, finder: faces.Finder) -> None:
        run.mkdir(parents=True, exist_ok=True)
        self._lines = (run / STATE).open("a+b")
        self._pixels = (run / CROPS).open("a+b")
        self._shape = (finder.side, finder.side, 3)
        head = json.dumps({"schema": SCHEMA, "finder": finder.name}).encode() + b"\n"
        self._photos = self._read(head)
        self._faces = 1 + max((photo.at for photo in self._photos.values()), default=-1)
        self._pixels.truncate(self._faces * math.prod(self._shape))

    def _read(self, head: bytes) -> dict[str, Photo]:
        self._lines.seek(0)
        content = self._lines.read()
        if not content.startswith(head):  # new, or made with another finder: other crops
            self._lines.truncate(0)
            self._lines.write(head)
            self._lines.flush()
            return {}
        whole = content[: content.rfind(b"\n") + 1]
        self._lines.truncate(len(whole))
        faces_there = os.fstat(self._pixels.fileno()).st_size // math.prod(self._shape)
        photos = (Photo(**json.loads(line)) for line in whole[len(head) :].splitlines())
        return {photo.file: photo for photo in photos if photo.at < faces_there}

    def known(self, path: Path, folder: Path) -> Photo | None:
        """What was read of this file, if it is still the same."""
        blank = _blank(path, folder)
        photo = self._photos.get(blank.file)
        return photo if photo and (photo.size, photo.changed) == (blank.size, blank.changed) else None

    def add(self, photo: Photo, crop: Pixels | None) -> Photo:
        if crop is not None:
            photo = replace(photo, at=self._faces)
            self._pixels.write(crop.tobytes())
            self._pixels.flush()
            self._faces += 1
        self._lines.write(json.dumps(asdict(photo)).encode() + b"\n")
        self._lines.flush()
        return photo

    def crops(self) -> Pixels:
        if not self._faces:
            return np.zeros((0, *self._shape), np.uint8)
        return np.memmap(self._pixels.name, np.uint8, "r", shape=(self._faces, *self._shape))

    def close(self) -> None:
        self._lines.close()
        self._pixels.close()


class _Pace:
    """Says at most every few seconds how far the reading is and how long the rest will take at this pace."""

    def __init__(self, total: int, done: int, say: Say) -> None:
        self._total, self._before, self._done, self._say = total, done, done, say
        self._started = self._said = time.monotonic()

    def step(self, usable: int) -> None:
        self._done += 1
        now = time.monotonic()
        if now - self._said >= SECONDS_BETWEEN_LINES:
            self._said = now
            left = remaining(self._done - self._before, self._total - self._done, now - self._started)
            self._say(f"photo {self._done:,} of {self._total:,}, {usable:,} with a face to use; {left}")


def remaining(done: int, left: int, seconds: float) -> str:
    """How long `left` photos take when `done` took so many seconds, in words."""
    wait = left * seconds / done
    return f"about {round(wait)} s left" if wait < 90 else f"about {round(wait / 60)} min left"
