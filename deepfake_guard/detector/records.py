"""What examining a file yields: frozen records, readable without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


CROP_MARGIN = 1.3  # side of the scored square over the longer side of the box: THE crop recipe (design.md §7.1)
CROP_PX = 224  # side that the square is brought to; an artefact that wants more says so (`crop_px`)
MIN_NATIVE_PX = 64  # of that square in the picture; below, a face is not scored


@dataclass(frozen=True, slots=True)
class BoundingBox:
    """Pixels of the upright picture (EXIF orientation applied); the origin is its top left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Face:
    """A found face. `reason` is empty, or says why it is not scored (`face_too_small`, `face_too_blurry`,
    `too_many_faces`)."""

    box: BoundingBox  # the finder's, corrected to YuNet's where another finder was used
    points: tuple[tuple[float, float], ...]  # five landmarks, or none
    crop: BoundingBox  # the square of 1.3 × the longer side that is scored; laid by landmarks, it may be turned in it
    native_px: int  # side of that square, in picture pixels
    sharpness: float  # variance of the Laplacian of the 224 px crop
    finder_score: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SignalScore:
    """One signal of a face: its raw score (of `strange` the fused one) and its own p-value in (0, 1], which no policy
    reads (design.md §7.8)."""

    score: float
    p_value: float


@dataclass(frozen=True, slots=True)
class Rank:
    """Where a face stands among the n genuine faces of a bucket: `reached` of them score at least as high."""

    bucket: str
    n: int
    reached: int
    score: float  # the fused scalar, by the bucket's scales

    @property
    def p_value(self) -> float:
        """(1 + reached) / (n + 1): at least 1/(n + 1), at most 1."""
        return (1 + self.reached) / (self.n + 1)


@dataclass(frozen=True, slots=True)
class CropScore:
    """One scored crop. `reached` calibration faces of `n` have a score ≥ this one; p = (1 + reached) / (n + 1).
    coarser: the same in the parents of its bucket, nearest first, for lines that n cannot resolve."""

    score: float  # the fused scalar; higher = more suspicious
    p_value: float
    n: int
    reached: int
    bucket: str
    signals: Mapping[str, SignalScore]
    layers: tuple[float, ...]  # raw negative log-likelihood per layer
    heat: NDArray[np.float32] | None  # [H, W] in 0–1, spans the crop square
    coarser: tuple[Rank, ...] = ()


@dataclass(frozen=True, slots=True)
class FaceScore:
    """A face that was found, and what it scored."""

    face: Face
    result: CropScore | None  # none when `face.reason` is set


@dataclass(frozen=True, slots=True)
class Derived:
    """A picture made from decoded pixels: `thumbnail`, `view`, or per face `face` and `heat`."""

    kind: str
    face: int | None
    media_type: str
    width: int
    height: int
    content: bytes


@dataclass(frozen=True, slots=True)
class MediaReport:
    """All that one file gave. reasons: codes, about the file; those of one face stand on it. derivatives: pictures to
    keep. detector_id, calibration_id: whose scores these are."""

    status: str  # "done" | "not_applicable"
    reasons: tuple[str, ...]
    media_type: str
    width: int  # upright pixels; 0 when undecodable
    height: int
    faces: tuple[FaceScore, ...]
    derivatives: tuple[Derived, ...]
    detector_id: str
    calibration_id: str
    timings: Mapping[str, float]  # seconds: decode, faces, score, derive
    fingerprint: str = ""  # PDQ hash of the whole picture, 64 hex digits; empty where it has none
