"""The queue of record: claiming, recording and sweeping scans (design.md §1). Workers know nothing of its rules."""

from moderation.services.scanning.absence import fail_without_detector, requeue_without_detector
from moderation.services.scanning.claims import (
    ATTEMPTS,
    Claim,
    claim,
    give_back,
    record_failure,
    rescan,
    sweep,
)
from moderation.services.scanning.results import record
from moderation.services.scanning.stored import sees_what_is_stored

__all__ = [
    "ATTEMPTS",
    "Claim",
    "claim",
    "fail_without_detector",
    "give_back",
    "record",
    "record_failure",
    "requeue_without_detector",
    "rescan",
    "sees_what_is_stored",
    "sweep",
]
