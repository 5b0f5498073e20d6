"""Screening: claim, examine, record."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import structlog
from django.core.files.storage import storages

from deepfake_guard.detector.records import MediaReport
from moderation.conf import conf
from moderation.dispatch import SCAN_TASK, app
from moderation.services import calibration, scanning
from moderation.services.scanning import Claim
from moderation.vocabulary import Reason
from workers import detector_host
from workers.detector_host import Host

FAULT_PAUSE = timedelta(seconds=30)

log = structlog.get_logger(__name__)
stopping = multiprocessing.Event()  # made before the fork, set by the parent on SIGTERM, read by the pool process


@app.task(name=SCAN_TASK)
def scan(_scan_id: str) -> None:
    """The id only says that something waits: what is most urgent is claimed."""
    host = detector_host.host()
    claims = scanning.claim(host.name, host.version, host.calibration, conf().SCAN_BATCH)
    if claims:
        examine(host, claims)


def examine(host: Host, claims: Sequence[Claim]) -> None:
    reports: list[tuple[Claim, MediaReport]] = []
    seen = 0
    try:
        for claim, outcome in zip(claims, host.examine(_paths(claims)), strict=False):
            seen += 1
            if isinstance(outcome, MediaReport):
                reports.append((claim, outcome))
            else:
                lost = isinstance(outcome, FileNotFoundError)
                scanning.record_failure(claim, Reason.STORAGE_LOST if lost else Reason.DECODER_KILLED, str(outcome))
    except RuntimeError as error:  # the device's fault (CUDA, memory), not a file's: nobody's attempt is spent
        log.error("device_failed", error=f"{type(error).__name__}: {error}")
        detector_host.drop()
        scanning.give_back(claims[seen:], after=FAULT_PAUSE)
        raise
    finally:
        scanning.record(reports)
    if claims[seen:]:
        scanning.give_back(claims[seen:])
    calibration.worker_was_seen(host.name, progress=True)


def _paths(claims: Sequence[Claim]) -> Iterator[Path]:
    """Ends early when the worker is told to stop; what was not examined is given back."""
    for claim in claims:
        if stopping.is_set():
            return
        yield Path(storages["media"].path(claim.storage_name))
