"""Media → report: decode, find faces, crop, score, explain. One `Detector` a process; it owns the decoding child.

A thread decodes and finds faces ahead of the networks, and a second one makes what people see of the picture in which
the first looks for faces, so that none waits for the other.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deepfake_guard.detector import encoding, explain, faces, media
from deepfake_guard.detector.calibration import UNKNOWN, Conditions
from deepfake_guard.detector.calibration.conditions import ANY
from deepfake_guard.detector.decoder import Decoder, DecodeRefused, DecoderKilled, Limits
from deepfake_guard.detector.records import CropScore, Derived, Face, FaceScore, MediaReport
from deepfake_guard.detector.weights import Artefact

Pixels = NDArray[np.uint8]

BATCH = 8  # faces that are waited for before they are scored together
AHEAD = 16  # files read before their turn, and files that are judged together at most


@dataclass(frozen=True, slots=True)
class _Read:
    """A file on its way, before its faces are scored together with those of its neighbours. The pixels are gone by
    then: a batch of large pictures would fill the memory."""

    media_type: str
    reasons: tuple[str, ...]
    size: tuple[int, int] = (0, 0)  # width, height; 0 when undecodable
    found: tuple[tuple[Face, Pixels], ...] = ()
    shown: tuple[Derived, ...] = ()
    timings: Mapping[str, float] = field(default_factory=dict)
    encoding: str = ANY
    fingerprint: str = ""

    def wanted(self) -> list[tuple[Pixels, Conditions]]:
        """The crops to be scored, and under which conditions each arrived."""
        return [
            (crop, Conditions(face.native_px, self.encoding, len(crop))) for face, crop in self.found if not face.reason
        ]


_Outcome = _Read | DecoderKilled | OSError


class Detector:
    """The road of one file: decoded in a limited child process, its faces found and cut, scored, and told as a
    `MediaReport`. One artefact, one finder; to be closed."""

    def __init__(self, artefact: Artefact, finder: faces.Finder | None = None, limits: Limits | None = None) -> None:
        """Raises NoPoints for an artefact whose faces are laid by landmarks that the finder does not give."""
        self.artefact = artefact
        passport = artefact.manifest
        self.finder = faces.laying(finder or faces.choose(), passport.alignment, passport.crop_px)
        self.decoder = Decoder(limits)

    def warm_up(self) -> None:
        """A started decoder, a searched frame and one scored face: the first file does not pay for them, and whoever
        asks whether this machine can still do its work has an answer. Raises RuntimeError where it cannot."""
        self.decoder.limits_in_force()
        self.finder.find(np.zeros((faces.DETECTION_PX, faces.DETECTION_PX, 3), np.uint8))
        self.score(np.zeros((1, self.finder.side, self.finder.side, 3), np.uint8))

    def close(self) -> None:
        """End the decoder's child process."""
        self.decoder.close()

    def score(self, crops: Pixels, conditions: Sequence[Conditions] | None = None) -> list[CropScore]:
        """Face crops uint8 [n, s, s, 3] RGB, cut by THE recipe (s = 224, or the manifest's `crop_px`), and under which
        conditions each arrived (None: unknown, judged by the root) → n scores."""
        raw = self.artefact.ensemble.score(crops)
        calibration = self.artefact.calibration
        heat = explain.heat(raw.muflow.maps, self.artefact.model, calibration.heat)
        known = [UNKNOWN] * len(crops) if conditions is None else conditions
        judged = calibration.judge_many({name: raw.scores[name] for name in calibration.signals}, known)
        return [
            CropScore(
                found.score, found.p_value, found.n, found.reached, found.bucket, found.signals,
                tuple(float(value) for value in raw.muflow.layers[at]), heat[at], found.coarser,
            )
            for at, found in enumerate(judged)
        ]  # fmt: skip

    def examine(self, path: Path) -> MediaReport:
        """Raises DecoderKilled when the file kills the decoder, OSError when it cannot be opened, and what is no
        file's fault: DecoderUnavailable, RuntimeError of the device."""
        outcome = next(self.examine_many([path]))
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def examine_many(
        self, paths: Iterable[Path], *, pictures: bool = True
    ) -> Iterator[MediaReport | DecoderKilled | OSError]:
        """One outcome a file, in order; faces of neighbouring files are scored together. A bad file harms no other.

        Files are read ahead of the one that is yielded. pictures: make what people see (`MediaReport.derivatives`).
        """
        with closing(self._read_ahead(paths, pictures)) as reads:
            for group in _groups(reads):
                yield from self._judged(group, pictures)

    def _read_ahead(self, paths: Iterable[Path], pictures: bool) -> Generator[_Outcome, None, None]:
        """Reads in order, made by one thread; whoever stops early ends the file in work with its decoder."""
        thread, pending = ThreadPoolExecutor(1, "reader"), deque[Future[_Outcome]]()
        beside = ThreadPoolExecutor(1, "pictures") if pictures else None
        try:
            for path in paths:
                pending.append(thread.submit(self._read, path, beside))
                if len(pending) > AHEAD:
                    yield pending[0].result()
                    pending.popleft()
            while pending:
                yield pending[0].result()
                pending.popleft()
        finally:
            thread.shutdown(wait=False, cancel_futures=True)
            if any(not future.done() for future in pending):
                self.decoder.close()
            thread.shutdown(wait=True)
            if beside is not None:
                beside.shutdown(wait=True)

    def _judged(self, reads: Sequence[_Outcome], pictures: bool) -> Iterator[MediaReport | DecoderKilled | OSError]:
        wanted = [pair for read in reads if isinstance(read, _Read) for pair in read.wanted()]
        started = time.perf_counter()
        crops, conditions = [crop for crop, _ in wanted], [given for _, given in wanted]
        scores = iter(self.score(np.stack(crops), conditions) if crops else [])
        share = (time.perf_counter() - started) / max(1, len(crops))
        for read in reads:
            yield self._report(read, scores, share, pictures) if isinstance(read, _Read) else read

    def _read(self, path: Path, beside: ThreadPoolExecutor | None) -> _Outcome:
        """beside: makes what people see of the picture meanwhile; None where nobody will look."""
        started = time.perf_counter()
        try:
            picture = media.read(path, self.decoder)
        except DecodeRefused as refusal:
            return _Read("", (refusal.reason,), timings={"decode": time.perf_counter() - started})
        except (DecoderKilled, OSError) as error:
            return error
        decoded = time.perf_counter()
        whole = beside.submit(_whole_pictures, picture.rgb) if beside is not None else None
        found = tuple(faces.find(picture.rgb, self.finder))
        searched = time.perf_counter()
        shown, fingerprint, derived = whole.result() if whole is not None else ((), "", 0.0)
        timings = {"decode": decoded - started, "faces": searched - decoded, "derive": derived}
        height, width = picture.rgb.shape[:2]
        return _Read(
            picture.media_type,
            picture.remarks,
            (width, height),
            found,
            shown,
            timings,
            encoding.of(picture),
            fingerprint,
        )

    def _report(self, read: _Read, scores: Iterator[CropScore], share: float, pictures: bool) -> MediaReport:
        scored = tuple(FaceScore(face, None if face.reason else next(scores)) for face, _ in read.found)
        status, reasons = _conclusion(read, scored)
        if read.found and not self.finder.trusted:
            reasons = (*reasons, "low_quality_face_finder")
        started = time.perf_counter()
        derivatives = (*read.shown, *_face_pictures(read, scored)) if pictures else ()
        derive = read.timings.get("derive", 0.0) + time.perf_counter() - started
        count = sum(1 for face in scored if face.result)
        return MediaReport(
            status,
            reasons,
            read.media_type,
            *read.size,
            scored,
            derivatives,
            self.artefact.manifest.detector_id,
            self.artefact.manifest.calibration_id,
            {**read.timings, "score": share * count, "derive": derive},
            read.fingerprint,
        )


def _groups(reads: Iterable[_Outcome]) -> Iterator[list[_Outcome]]:
    """Neighbours with about BATCH faces to be scored."""
    group: list[_Outcome] = []
    for read in reads:
        group.append(read)
        faces_in_it = sum(len(each.wanted()) for each in group if isinstance(each, _Read))
        if faces_in_it >= BATCH or len(group) >= AHEAD:
            yield group
            group = []
    if group:
        yield group


def _whole_pictures(rgb: Pixels) -> tuple[tuple[Derived, ...], str, float]:
    """What people see of the whole picture, the hash by which near copies of it are found, and the seconds it took."""
    started = time.perf_counter()
    small = media.shrunk(rgb, media.VIEW_PX)
    shown, fingerprint = (media.thumbnail(small), media.view(small)), media.fingerprint(small)
    return shown, fingerprint, time.perf_counter() - started


def _conclusion(read: _Read, scored: Sequence[FaceScore]) -> tuple[str, tuple[str, ...]]:
    """Done when at least one face was scored; otherwise the reasons say what kept each from it."""
    if not read.media_type:
        return "not_applicable", read.reasons
    skipped = tuple(sorted({face.face.reason for face in scored if face.face.reason}))
    if any(face.result for face in scored):
        return "done", (*read.reasons, *skipped)
    return "not_applicable", (*read.reasons, *(skipped or ("no_face",)))


def _face_pictures(read: _Read, scored: Sequence[FaceScore]) -> Iterator[Derived]:
    for index, (score, (_, crop)) in enumerate(zip(scored, read.found, strict=True)):
        yield media.face(crop, index)
        if score.result is not None and score.result.heat is not None:
            overlay = explain.overlay_png(score.result.heat)
            yield Derived("heat", index, "image/png", explain.OVERLAY_PX, explain.OVERLAY_PX, overlay)
