"""One Detector a process, loaded lazily and warmed up; the only door to the heavy modules.

Celery gives a pool process four seconds to start and forks it, so nothing heavy happens before the fork or inside that
budget: a thread of the pool process warms up, and the first task waits for it.
"""

from __future__ import annotations

import ctypes
import dataclasses
import os
import socket
import sys
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog
from django.db import DatabaseError, InterfaceError, close_old_connections
from django.utils.module_loading import import_string

from deepfake_guard.detector import process
from deepfake_guard.detector.records import Derived, MediaReport
from moderation import dispatch
from moderation.conf import Conf, conf
from moderation.media_store import StorageFault
from moderation.models import Calibration, DetectorVersion
from moderation.services import calibration, scanning

if TYPE_CHECKING:
    from deepfake_guard.detector.pipeline import Detector

HEARTBEAT_SECONDS = 15
PR_SET_DUMPABLE = 4

log = structlog.get_logger(__name__)
_lock = threading.Lock()
_host: Host | None = None
_beats_as = ""  # the queue; empty in a process that sends no heartbeat
_beating = threading.Lock()
_left = threading.Event()


@dataclass(frozen=True)
class Host:
    name: str
    detector: Detector
    version: DetectorVersion
    calibration: Calibration

    def examine(self, paths: Iterable[Path]) -> Iterator[MediaReport | Exception]:
        """One outcome a file, in order. Raises what is not the file's fault: device and memory errors."""
        yield from self.detector.examine_many(paths)

    def look_closely(self, path: Path) -> list[Derived]:
        """The lossless picture and its enhanced views. Raises DecodeRefused, DecoderKilled, OSError."""
        from deepfake_guard.detector import closeup, media  # here: with what else only a scan worker needs

        return list(closeup.views(media.read(path, self.detector.decoder).rgb))


def worker_name(queue: str = dispatch.SCAN_QUEUE) -> str:
    return f"{queue}@{socket.gethostname()}:{os.getpid()}"


def host() -> Host:
    """This process's detector. Raises ArtefactError, DeviceError, StorageFault or DatabaseError: then nothing may be
    claimed.
    """
    global _host
    with _lock:
        if _host is None:
            _host = _load()
        return _host


def drop() -> None:
    """After a device error: the next task loads afresh."""
    global _host
    with _lock:
        if _host is not None:
            _host.detector.close()
        _host = None


def build(values: Conf) -> Detector:
    """What `DETECTOR` stands for unless a project names a function of its own: it takes the same and returns one."""
    from deepfake_guard.detector import faces, weights  # here: they import torch, OpenCV and timm
    from deepfake_guard.detector.decoder import Limits
    from deepfake_guard.detector.pipeline import Detector

    artefact = weights.load(values.ARTEFACT, values.DEVICE)
    finder = faces.choose(Path(values.FACES) if values.FACES else None)
    return Detector(artefact, finder, Limits(values.MAX_PIXELS, values.DECODE_SECONDS))


def _load() -> Host:
    if not scanning.sees_what_is_stored():
        raise StorageFault('none of the newest files is here: is STORAGES["media"] shared with the web side?')
    values = conf()
    process.prepare()  # before torch is there, by `build` or a function of the site's
    detector: Detector = import_string(values.DETECTOR)(values) if values.DETECTOR else build(values)
    artefact, finder = detector.artefact, detector.finder
    detector.warm_up()
    buckets: dict[str, Any] = {}
    for key, n in artefact.calibration.counts().items():
        edges, counts = artefact.calibration.histogram(key)
        buckets[key] = {"n": n, "edges": edges, "counts": counts}
    version, calibrated = calibration.register(
        artefact.manifest.detector_id,
        dataclasses.asdict(artefact.manifest),
        artefact.manifest.calibration_id,
        buckets,
    )
    notes = {"face_finder": finder.name, "decoder": detector.decoder.limits_in_force()}
    calibration.worker_is_ready(worker_name(), dispatch.SCAN_QUEUE, str(artefact.device), version, calibrated, notes)
    scanning.requeue_without_detector()
    log.info("warmed_up", detector=version.identity, device=str(artefact.device), face_finder=finder.name)
    return Host(worker_name(), detector, version, calibrated)


def hide_from_the_decoder() -> None:
    """The decoding child runs as the same user: without this a taken-over one could read our environment (prctl(2))."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def beat_in_background(queue: str) -> None:
    """Say every 15 s that this process lives, and of the scan queue warm up first; ends with the process."""
    global _beats_as
    _beats_as = queue
    threading.Thread(target=_beat, args=(queue,), name="heartbeat", daemon=True).start()


def leave() -> None:
    """Sign off, so that nobody is told of a silent worker; nothing where this process never said that it lives."""
    if not _beats_as:
        return
    _left.set()
    with _beating:  # a heartbeat on its way would say that it lives after all
        try:
            calibration.worker_has_left(worker_name(_beats_as))
        except (DatabaseError, InterfaceError) as error:
            log.warning("not_signed_off", error=str(error))


def _say_alive(queue: str) -> None:
    with _beating:
        if not _left.is_set():
            calibration.worker_has_started(worker_name(queue), queue)


def _say_why_not(queue: str, reason: str) -> None:
    try:
        calibration.worker_is_not_ready(worker_name(queue), reason)
    except (DatabaseError, InterfaceError) as error:
        log.warning("not_said", error=str(error))


def _beat(queue: str) -> None:
    while not _left.is_set():
        try:
            _say_alive(queue)
            if queue == dispatch.SCAN_QUEUE:
                host()
        except Exception as error:  # of any kind: the site's own function builds it, several runtimes load it
            said = f"{type(error).__name__}: {error}"
            log.error("not_warmed_up", error=said)
            _say_why_not(queue, said)
        finally:
            close_old_connections()
        _left.wait(HEARTBEAT_SECONDS)
