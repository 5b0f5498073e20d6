"""`/healthz`: this process answers. `/readyz`: it can work; gates on the database alone, reports the rest."""

from __future__ import annotations

from typing import Any

import structlog
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from moderation import dispatch
from moderation.models import WorkerStatus, at_work

log = structlog.get_logger(__name__)


@require_GET
@never_cache
def healthz(_request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


@require_GET
@never_cache
def readyz(_request: HttpRequest) -> JsonResponse:
    """503 only without the database: without broker or workers uploads are still taken in and wait."""
    report: dict[str, Any] = {"database": _database(), "broker": dispatch.broker_answers(), "workers": []}
    if report["database"]:
        report["workers"] = _workers()
    return JsonResponse(report, status=200 if report["database"] else 503)


def _database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        log.error("database_unreachable", error=str(error))
        return False
    return True


def _warm(worker: WorkerStatus) -> bool:
    """Only those that scan have anything to warm up."""
    return worker.queue != dispatch.SCAN_QUEUE or worker.warmed_at is not None


def _workers() -> list[dict[str, Any]]:
    """Those heard of in the last minute; `warm` once the warm-up pass is done."""
    heard = WorkerStatus.objects.filter(at_work()).order_by("name")
    return [{"queue": worker.queue, "device": worker.device, "warm": _warm(worker)} for worker in heard]
