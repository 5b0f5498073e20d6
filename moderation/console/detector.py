"""What the detector is and cannot do: limits first, then figures with their n, then whose pictures it learned from."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _
from django.views.decorators.http import require_safe

from moderation import queries
from moderation.console.access import VIEW, DeskRequest, needs
from moderation.models import WORKER_SILENT, Calibration

ROLES = {
    "train": _("Learned from"),
    "select": _("Chosen on"),
    "calibrate": _("Calibrated on"),
    "head": _("Heads learned from"),
    "fakes": _("Fakes that heads learned from"),
}
ROOT = "any"  # the bucket of all calibration faces


def _by_size(entry: tuple[str, Any]) -> tuple[int, bool, str]:
    """Small faces first; within a size, whatever the encoding before each encoding."""
    encoding, _slash, size = entry[0].partition("/")
    return int(size) if size.isdigit() else 0, encoding != ROOT, encoding


@require_safe
@needs(VIEW)
def detector(request: DeskRequest) -> HttpResponse:
    calibration = Calibration.in_use()
    passport, buckets = (calibration.manifest, calibration.buckets) if calibration else ({}, {})
    sets = passport.get("sets", [])
    context: dict[str, Any] = {
        "calibration": calibration,
        "manifest": passport,
        "root": buckets.get(ROOT),
        "buckets": [(name, bucket) for name, bucket in sorted(buckets.items(), key=_by_size) if name != ROOT],
        "heads": sorted((passport.get("heads") or {}).items()),
        "roles": [
            (
                role,
                gettext(words),
                [given for given in sets if given["role"] == role],
                sum(given["n"] for given in sets if given["role"] == role),
            )
            for role, words in ROLES.items()
        ],
        "workers": queries.workers(),
        "silent_before": timezone.now() - WORKER_SILENT,
    }
    return render(request, "deepfake_guard/detector.html", context)
