"""Rows and media that tests start from. Media are real: Pillow makes them, or scikit-image ships them."""

from __future__ import annotations

import io
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.utils import timezone
from PIL import Image

from deepfake_guard.detector.records import (
    BoundingBox,
    CropScore,
    Derived,
    Face,
    FaceScore,
    MediaReport,
    Rank,
    SignalScore,
)
from moderation.models import ApiKey, Calibration, ContentItem, Decision, DetectorVersion, Platform, ReviewCase, Scan
from moderation.services import decisions, keys, leases, people, platforms, scanning, submission
from moderation.vocabulary import DecisionReason, DecisionValue, Role, Scope

numbers = itertools.count(1)
ACTOR = "system"


def make_platform(name: str = "", review_at: float = 0.01) -> Platform:
    return platforms.create_platform(name or f"platform {next(numbers)}", review_at=review_at, actor=ACTOR)


def make_key(platform: Platform, scopes: Sequence[str] = tuple(Scope)) -> tuple[ApiKey, str]:
    return keys.issue_key(platform, "test", scopes, actor=ACTOR)


def make_user(role: Role = Role.MODERATOR, username: str = "") -> tuple[User, str]:
    return people.create_user(username or f"person{next(numbers)}", role)


def picture(width: int = 64, height: int = 48, form: str = "JPEG", seed: int | None = None, **save: Any) -> bytes:
    """A real picture of noise; different at each call unless a seed is given."""
    random = np.random.default_rng(next(numbers) if seed is None else seed)
    buffer = io.BytesIO()
    Image.fromarray(random.integers(0, 255, (height, width, 3), dtype=np.uint8)).save(buffer, form, **save)
    return buffer.getvalue()


def portrait(form: str = "JPEG") -> bytes:
    """A public-domain photograph with one face, 512 × 512 px (NASA, shipped by scikit-image)."""
    from skimage import data

    buffer = io.BytesIO()
    Image.fromarray(data.astronaut()).save(buffer, form)  # type: ignore[no-untyped-call]
    return buffer.getvalue()


def make_item(platform: Platform | None = None, content: bytes | None = None, **given: Any) -> ContentItem:
    """A queued item, through the same service as any upload."""
    upload = ContentFile(content if content is not None else picture(), name="upload")
    external_id = given.pop("external_id", f"post-{next(numbers)}")
    platform = platform or make_platform()
    return submission.submit(platform, upload, external_id=external_id, actor=ACTOR, **given).item


def make_detector(n: int = 700) -> tuple[DetectorVersion, Calibration]:
    detector, _ = DetectorVersion.objects.get_or_create(identity="muflow-test")
    bucket = {"n": n, "edges": [0.0, 1.0, 2.0, 3.0, 4.0], "counts": [n - 60, 40, 15, 5]}
    calibration, _ = Calibration.objects.get_or_create(
        identity="genuine-test",
        defaults={
            "detector": detector,
            "buckets": {"any": bucket},
            "manifest": {"sets": [], "starter": True},
            "warmed_at": timezone.now(),
        },
    )
    return detector, calibration


POINTS = ((20.0, 16.0), (34.0, 16.0), (27.0, 22.0), (21.0, 30.0), (33.0, 30.0))


def face_score(reached: int | None, n: int = 700, reason: str = "", root: tuple[int, int] | None = None) -> FaceScore:
    """A face that `reached` of n calibration faces are as strange as; None: not scored. root: (reached, n) of the
    coarsest bucket, where its own is a finer one."""
    box, square = BoundingBox(16, 8, 24, 28), BoundingBox(9, 3, 36, 36)
    face = Face(box, POINTS, square, 120, 90.0, 0.9, reason)
    if reached is None:
        return FaceScore(face, None)
    p = (1 + reached) / (n + 1)
    signals = {"muflow": SignalScore(812.5, p)}
    coarser = (Rank("any", root[1], root[0], 2.9),) if root else ()
    bucket = "jpeg90/112" if root else "any"
    return FaceScore(face, CropScore(3.2, p, n, reached, bucket, signals, (1.0, 2.0, 3.0), None, coarser))


def report(*reached: int | None, n: int = 700, status: str = "done", reasons: Sequence[str] = ()) -> MediaReport:
    """What a worker would say of a 64 × 48 picture with one face for each given rank."""
    faces = tuple(face_score(rank, n, "" if rank is not None else "face_too_small") for rank in reached)
    kinds: list[tuple[str, int | None]] = [("thumbnail", None), ("view", None)]
    kinds += [(kind, index) for index in range(len(faces)) for kind in ("face", "heat")]
    made = tuple(Derived(kind, index, "image/jpeg", 64, 48, picture(seed=7)) for kind, index in kinds)
    derivatives = made if status == "done" else ()
    times = {"decode": 0.01}
    names = ("muflow-test", "genuine-test")
    return MediaReport(status, tuple(reasons), "image/jpeg", 64, 48, faces, derivatives, *names, times)


def claim_one(limit: int = 1) -> list[scanning.Claim]:
    detector, calibration = make_detector()
    return scanning.claim("test-worker", detector, calibration, limit)


def screen(item: ContentItem, outcome: MediaReport) -> ContentItem:
    """Run the item's queued scan to its end with the given report, through the services."""
    item.refresh_from_db()
    claims = [claim for claim in claim_one(100) if claim.scan_id == item.scan_id]
    scanning.record([(claim, outcome) for claim in claims])
    item.refresh_from_db()
    return item


def make_case(platform: Platform | None = None, reached: int = 0, **given: Any) -> ReviewCase:
    """An open case: its item's only face is as strange as `reached` of 700 genuine ones."""
    item = screen(make_item(platform, **given), report(reached))
    return ReviewCase.objects.get(item=item)


def pending(case: ReviewCase, value: DecisionValue = DecisionValue.SYNTHETIC, **given: Any) -> Decision:
    """A decision on an open case by somebody new (or `user`); it could settle now."""
    user = given.pop("user", None) or make_user()[0]
    lease = leases.lease(case, user)
    assert lease is not None
    reasons = given.pop("reasons", [next(iter(DecisionReason))])
    decision = decisions.decide(case, user, lease.token, value, reasons=reasons, **given)
    Decision.objects.filter(pk=decision.pk).update(settle_at=timezone.now())
    return decision


def conclude(case: ReviewCase, value: DecisionValue = DecisionValue.SYNTHETIC, **given: Any) -> Decision:
    """A settled decision on an open case."""
    decision = pending(case, value, **given)
    assert decisions.settle(decision.pk)
    decision.refresh_from_db()
    return decision


def due_now(decision_id: Any) -> None:
    """As if its ten seconds were over."""
    Decision.objects.filter(pk=decision_id).update(settle_at=timezone.now())


def settle_now(decision_id: Any) -> None:
    due_now(decision_id)
    assert decisions.settle(decision_id)


def scan_of(item: ContentItem) -> Scan:
    return Scan.objects.get(items=item)
