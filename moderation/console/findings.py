"""A screened picture as a page shows it: boxes, heat maps and what was found in each face."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.contrib.auth.models import User
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from deepfake_guard.detector.explain import words
from deepfake_guard.detector.explain.words import Comparison
from deepfake_guard.detector.records import CROP_MARGIN
from moderation import queries
from moderation.authority import may
from moderation.models import ContentItem, Derivative, DetectedFace, Scan, Verdict
from moderation.policy import Evidence, FaceEvidence, decide
from moderation.rules import Rules
from moderation.vocabulary import PIXEL_FOR_PIXEL, DerivativeKind, Permission, ScanState, SeveralFaces

FRAME_WIDTH = 1500.0  # the viewBox of boxes and heat maps, so that their lines and names keep their size
CLOSEUPS = {
    DerivativeKind.CONTRAST: _("Contrast"),
    DerivativeKind.ERROR_LEVEL: _("Error level"),
    DerivativeKind.RESIDUAL: _("Noise"),
}
TAG_WIDTH, TAG_HEIGHT = 56.0, 50.0


@dataclass(frozen=True, slots=True)
class Rect:
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Finding:
    """One face; `line` is the p at which it reaches review on its own, `bucket` its calibration histogram. judged: its
    place among the calibration faces that it is judged by: of its own bucket, or of a coarser one where n is too small.

    strange, heads: its signals by name, and only where it reaches that line (design.md §7.8); remarks: what kept its
    score from being surer; briefly: each in a few words.
    """

    face: DetectedFace
    judged: FaceEvidence | None
    number: int
    statement: str
    line: float
    bucket: dict[str, Any] | None
    crop: Derivative | None
    heat: Derivative | None
    box: Rect
    square: Rect
    tag: Rect
    strange: tuple[Comparison, ...]
    heads: tuple[Comparison, ...]
    remarks: tuple[str, ...]
    briefly: tuple[str, ...]

    @property
    def scored(self) -> bool:
        return self.face.p_value is not None

    @property
    def reaches_line(self) -> bool:
        return self.judged is not None and self.judged.p_value <= self.line

    @property
    def judged_elsewhere(self) -> bool:
        """By more faces than those of its own conditions (design.md §7.7)."""
        return self.judged is not None and self.judged.n != self.face.n

    @property
    def unsure(self) -> tuple[str, ...]:
        """The remarks that are warnings."""
        return tuple(remark for remark in self.remarks if remark != gettext(words.NOTHING_UNSURE))

    @property
    def caution(self) -> str:
        return words.caution(len(self.strange) + len(self.heads), gettext)


@dataclass(frozen=True, slots=True)
class Picture:
    """`view` is None where no worker made one, or retention has removed it.

    width, height: of the upload itself, upright, in pixels; inspect: the lossless picture; closeups: kind, word, view.
    """

    view: Derivative | None
    frame_height: float
    findings: tuple[Finding, ...]
    chosen: Finding | None
    faces_scored: int
    review_at: float
    width: int
    height: int
    inspect: Derivative | None
    closeups: tuple[tuple[str, str, Derivative | None], ...]


def picture_of(item: ContentItem, verdict: Verdict | None, user: User) -> Picture:
    scan = queries.shown_scan(item)
    made = _made(item, scan, user)
    view = made.get((DerivativeKind.VIEW, None))
    height = FRAME_WIDTH * view.height / view.width if view else FRAME_WIDTH
    rules = Rules.from_document(verdict.policy.rules) if verdict else Rules()
    faces = list(scan.faces.all()) if scan else []
    scored = sum(face.p_value is not None for face in faces)
    line = rules.review_at / max(scored, 1) if rules.several_faces is SeveralFaces.BONFERRONI else rules.review_at
    buckets = scan.calibration.buckets if scan and scan.calibration else {}
    reasons = scan.reasons if scan else []
    findings = tuple(_finding(face, made, rules, line, buckets, height, reasons) for face in faces)
    return Picture(view, height, findings, _most_unusual(findings), scored, rules.review_at, *_close(made))


def unexplained(item: ContentItem, user: User) -> Picture:
    """The picture alone: not a box, not a crop, nothing of what the detector looked at."""
    made = _made(item, queries.shown_scan(item), user)
    view = made.get((DerivativeKind.VIEW, None))
    height = FRAME_WIDTH * view.height / view.width if view else FRAME_WIDTH
    return Picture(view, height, (), None, 0, 1.0, *_close(made))


def _made(item: ContentItem, scan: Scan | None, user: User) -> dict[tuple[str, int | None], Derivative]:
    """The pictures that this person may see, by kind and face."""
    closely = may(user, Permission.VIEW_ORIGINAL, item.platform)
    made = [one for one in queries.derivatives(scan) if closely or one.kind not in PIXEL_FOR_PIXEL]
    return {(one.kind, one.face_index): one for one in made}


def _close(
    made: dict[tuple[str, int | None], Derivative],
) -> tuple[int, int, Derivative | None, tuple[tuple[str, str, Derivative | None], ...]]:
    inspect, view = made.get((DerivativeKind.INSPECT, None)), made.get((DerivativeKind.VIEW, None))
    sized = inspect or view
    width, height = (sized.width, sized.height) if sized else (1, 1)
    closeups = (
        tuple((kind.value, gettext(said), made.get((kind, None))) for kind, said in CLOSEUPS.items()) if view else ()
    )
    return width, height, inspect, closeups


def _most_unusual(findings: Iterable[Finding]) -> Finding | None:
    return min(findings, key=lambda found: 2.0 if found.face.p_value is None else found.face.p_value, default=None)


def _finding(
    face: DetectedFace,
    made: dict[tuple[str, int | None], Derivative],
    rules: Rules,
    line: float,
    buckets: dict[str, Any],
    height: float,
    reasons: Sequence[str],
) -> Finding:
    judged = _judged(face, line)
    strange, heads = words.comparisons(face.signals if judged is not None and judged.p_value <= line else {}, gettext)
    box = Rect(face.x * FRAME_WIDTH, face.y * height, face.width * FRAME_WIDTH, face.height * height)
    above = box.y - TAG_HEIGHT - 8
    return Finding(
        face=face,
        judged=judged,
        number=face.index + 1,
        statement=_statement(face, rules, line),
        line=line,
        bucket=buckets.get(face.bucket),
        crop=made.get((DerivativeKind.FACE, face.index)),
        heat=made.get((DerivativeKind.HEAT, face.index)),
        box=box,
        square=_square(box, height),
        tag=Rect(max(0.0, box.x), above if above >= 0 else box.y + 8, TAG_WIDTH, TAG_HEIGHT),
        strange=tuple(strange),
        heads=tuple(heads),
        remarks=_remarks(face, reasons),
        briefly=_briefly(face, reasons),
    )


def _remarks(face: DetectedFace, reasons: Sequence[str]) -> tuple[str, ...]:
    if face.n is None:
        return ()
    said = words.remarks(face.native_px, face.sharpness, face.bucket, face.n, reasons, say=gettext)
    return tuple(said or [gettext(words.NOTHING_UNSURE)])


def _briefly(face: DetectedFace, reasons: Sequence[str]) -> tuple[str, ...]:
    """small, blurred: what stands before the colon of each remark, put into the language as a whole."""
    if face.n is None:
        return ()
    english = words.remarks(face.native_px, face.sharpness, face.bucket, face.n, reasons)
    return tuple(gettext(remark.partition(":")[0].lower()) for remark in english)


def _evidence(face: DetectedFace) -> FaceEvidence | None:
    if face.p_value is None or face.n is None or face.reached is None:
        return None
    return FaceEvidence.ranked(face.n, face.reached, face.coarser)


def _judged(face: DetectedFace, line: float) -> FaceEvidence | None:
    evidence = _evidence(face)
    return evidence and (evidence.at(line, 1, SeveralFaces.ANY_FACE) or evidence)


def _statement(face: DetectedFace, rules: Rules, line: float) -> str:
    """The machine's words for one face: the policy's own, at the face's line."""
    if (evidence := _evidence(face)) is None:
        return ""
    alone = replace(rules, review_at=line, block_at=None, several_faces=SeveralFaces.ANY_FACE)
    return decide(Evidence(ScanState.DONE, (), (evidence,)), alone).statement or ""


def _square(box: Rect, height: float) -> Rect:
    """Where the scored square, and with it the heat map, lies: inside the picture, never larger than it."""
    side = min(CROP_MARGIN * max(box.width, box.height), FRAME_WIDTH, height)
    x = min(max(0.0, box.x + box.width / 2 - side / 2), FRAME_WIDTH - side)
    y = min(max(0.0, box.y + box.height / 2 - side / 2), height - side)
    return Rect(x, y, side, side)
