"""Screening: claim, examine, record. Whose fault a failure is decides whether an attempt is spent (design.md §1)."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import structlog
from django.db import DatabaseError, InterfaceError, OperationalError, close_old_connections

from deepfake_guard.detector.records import MediaReport
from moderation.conf import HARD_LIMIT_SECONDS, conf
from moderation.dispatch import SCAN_TASK, app
from moderation.services import calibration, scanning
from moderation.services.scanning import Claim
from moderation.vocabulary import Reason
from workers import detector_host, originals
from workers.detector_host import Host

FAULT_PAUSE = timedelta(seconds=30)
DATABASE_PAUSES = (1, 5, 20, 60)  # seconds; what was found is worth waiting for
KILL_MARGIN_SECONDS = 10

log = structlog.get_logger(__name__)
stopping = threading.Event()  # this pool process was asked to wind up (SIGUSR2, see celery_app)


class NotShared(Exception):
    """This machine's fault, not the files': it does not see what the web side stores."""


@app.task(name=SCAN_TASK)
def scan(_scan_id: str) -> None:
    """The id only says that something waits: what is most urgent is claimed."""
    if stopping.is_set():
        return
    host = detector_host.host()
    claims = scanning.claim(host.name, host.version, host.calibration, conf().SCAN_BATCH)
    if claims:
        examine(host, claims)


def examine(host: Host, claims: Sequence[Claim]) -> None:
    """Screen a batch. What it leaves unexamined, because it is told to stop, goes back with its attempt."""
    began = time.monotonic()
    left = claims
    try:
        left = _screen(host, claims)
    except (RuntimeError, MemoryError) as error:
        _blame(claims, error)
        raise
    except NotShared:
        detector_host.drop()  # warmed up again, and claiming again, once the files are here
        scanning.give_back(claims, after=FAULT_PAUSE)
        raise
    except DatabaseError:
        raise
    except Exception as error:
        _spend(claims, error)
        raise
    finally:  # also on SIGTERM, which ends a pool process by SystemExit; at the time limit the attempt stays spent
        if left and time.monotonic() - began < HARD_LIMIT_SECONDS - KILL_MARGIN_SECONDS:
            scanning.give_back(left)
    calibration.worker_was_seen(host.name, progress=True)


def _screen(host: Host, claims: Sequence[Claim]) -> Sequence[Claim]:
    """Examine and record; returns the claims that were not examined."""
    reports: list[tuple[Claim, MediaReport]] = []
    failures: list[tuple[Claim, Exception]] = []
    faults: dict[str, OSError] = {}
    with originals.folder() as copies:
        for claim, outcome in zip(claims, host.examine(_paths(claims, copies, faults)), strict=False):
            if isinstance(outcome, MediaReport):
                reports.append((claim, outcome))
            else:
                failures.append((claim, faults.get(claim.storage_name, outcome)))
    lost = any(isinstance(error, FileNotFoundError) for _, error in failures)
    if lost and not scanning.sees_what_is_stored():
        raise NotShared("none of the newest files is here")
    for pause in (*DATABASE_PAUSES, None):
        try:
            scanning.record(reports)
            for claim, error in failures:
                scanning.record_failure(claim, _reason(claim, error), str(error))
            break
        except (OperationalError, InterfaceError) as error:
            if pause is None:
                raise
            log.warning("database_unreachable", error=str(error), again_in=pause)
            time.sleep(pause)
            close_old_connections()
    return claims[len(reports) + len(failures) :]


def _paths(claims: Sequence[Claim], copies: Path, faults: dict[str, OSError]) -> Iterator[Path]:
    """Ends early when the worker is told to stop. What the storage does not give is noted in `faults`."""
    for claim in claims:
        if stopping.is_set():
            return
        try:
            path = originals.local(claim.storage_name, copies)
        except OSError as error:
            faults[claim.storage_name] = error
            path = originals.NOWHERE
        yield path


def _reason(claim: Claim, error: Exception) -> Reason:
    if isinstance(error, FileNotFoundError) or (isinstance(error, OSError) and claim.attempts >= scanning.ATTEMPTS):
        return Reason.STORAGE_LOST
    return Reason.ATTEMPTS_SPENT if isinstance(error, OSError) else Reason.DECODER_KILLED


def _blame(claims: Sequence[Claim], error: Exception) -> None:
    """The files' fault if a fresh detector works on this device, else the device's: then nobody's attempt is spent.

    A process whose device has failed leaves: a broken CUDA context does not heal, and what replaces it starts clean.
    """
    log.error("batch_failed", error=f"{type(error).__name__}: {error}")
    detector_host.drop()
    try:
        detector_host.host()
    except (RuntimeError, MemoryError, OSError, ValueError) as fault:
        scanning.give_back(claims, after=FAULT_PAUSE)
        raise SystemExit(f"the device failed: {fault}") from error
    _spend(claims, error)


def _spend(claims: Sequence[Claim], error: Exception) -> None:
    """Each is tried again alone, so that one of them cannot harm the others twice."""
    for claim in claims:
        scanning.record_failure(claim, Reason.ATTEMPTS_SPENT, f"{type(error).__name__}: {error}")
