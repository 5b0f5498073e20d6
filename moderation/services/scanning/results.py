"""What a worker found becomes rows: faces, derivatives, and a verdict for every item."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

import structlog
from django.db import DataError, IntegrityError, transaction
from django.utils import timezone

from deepfake_guard.detector.records import FaceScore, MediaReport
from moderation import media_store
from moderation.filing import DERIVED
from moderation.models import Derivative, DetectedFace, MediaAsset
from moderation.services.scanning.claims import Claim, held, judge_items, record_failure
from moderation.vocabulary import Reason, ScanState

log = structlog.get_logger(__name__)


def record(results: Sequence[tuple[Claim, MediaReport]]) -> int:
    """Write what was found, once: a claim whose lease has gone changes nothing. Returns how many were recorded.

    A report that the database refuses (a number that is none) spends an attempt and takes no neighbour along.
    """
    stored = [(claim, report, _store(report)) for claim, report in results]
    try:
        lost = _record_all(stored)
    except (DataError, IntegrityError) as error:
        if len(results) > 1:
            return sum(record([result]) for result in results)
        [(claim, _)] = results
        log.error("not_recordable", scan=str(claim.scan_id), error=str(error))
        record_failure(claim, Reason.ATTEMPTS_SPENT, f"the result was refused by the database: {error}")
        return 0
    for names in lost:
        media_store.discard(names)
    return len(results) - len(lost)


@transaction.atomic
def _record_all(stored: Sequence[tuple[Claim, MediaReport, list[str]]]) -> list[list[str]]:
    """Returns the files of those whose lease has gone."""
    assets = MediaAsset.objects.select_for_update(no_key=True).filter(pk__in=[claim.asset_id for claim, _, _ in stored])
    list(assets.order_by("pk").values_list("pk"))  # locked first, as everywhere
    return [names for claim, report, names in stored if not _record_one(claim, report, names)]


def _store(report: MediaReport) -> list[str]:
    return [media_store.save(DERIVED, derived.content) for derived in report.derivatives]


def _record_one(claim: Claim, report: MediaReport, names: Sequence[str]) -> bool:
    won = held(claim).update(
        state=ScanState(report.status),
        reasons=list(report.reasons),
        timings=dict(report.timings),
        finished_at=timezone.now(),
        lease_token=None,
        lease_until=None,
        error="",
    )
    if not won:
        return False
    if report.width:
        MediaAsset.objects.filter(pk=claim.asset_id, width=None).update(width=report.width, height=report.height)
    if report.fingerprint:
        MediaAsset.objects.filter(pk=claim.asset_id).update(pdq=report.fingerprint)
    DetectedFace.objects.bulk_create(_face(claim.scan_id, at, face, report) for at, face in enumerate(report.faces))
    Derivative.objects.bulk_create(
        Derivative(
            asset_id=claim.asset_id,
            scan_id=claim.scan_id,
            kind=made.kind,
            face_index=made.face,
            media_type=made.media_type,
            width=made.width,
            height=made.height,
            size=len(made.content),
            storage_name=name,
        )
        for made, name in zip(report.derivatives, names, strict=True)
    )
    judge_items(claim.scan_id)
    return True


def _face(scan_id: uuid.UUID, index: int, scored: FaceScore, report: MediaReport) -> DetectedFace:
    face, result = scored.face, scored.result
    signals = {} if result is None else {
        name: {"score": signal.score, "p_value": signal.p_value} for name, signal in result.signals.items()
    }  # fmt: skip
    return DetectedFace(
        scan_id=scan_id,
        index=index,
        x=face.box.x / report.width,
        y=face.box.y / report.height,
        width=face.box.width / report.width,
        height=face.box.height / report.height,
        points=[[x / report.width, y / report.height] for x, y in face.points],
        native_px=face.native_px,
        sharpness=face.sharpness,
        finder_score=face.finder_score,
        reason=face.reason,
        score=result.score if result else None,
        p_value=result.p_value if result else None,
        n=result.n if result else None,
        reached=result.reached if result else None,
        bucket=result.bucket if result else "",
        coarser=[{"bucket": rank.bucket, "n": rank.n, "reached": rank.reached} for rank in result.coarser]
        if result
        else [],
        signals=signals,
        layers=list(result.layers) if result else [],
    )
