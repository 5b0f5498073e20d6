"""Frame → faces → crops. Holds THE crop recipe: fit, calibration and live scoring all cut faces here or alike."""

from __future__ import annotations

import hashlib
import http.client
import io
import math
import tempfile
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepfake_guard.detector import yunet
from deepfake_guard.detector.alignment import BOX, NoPoints, aligned, placement, region
from deepfake_guard.detector.records import CROP_MARGIN, CROP_PX, MIN_NATIVE_PX, BoundingBox, Face

Pixels = NDArray[np.uint8]

JPEG_QUALITY = 92
DETECTION_PX = 640  # the longer side is shrunk to this before looking for faces
MIN_FRAME_PX = 33  # more than YuNet's stride: OpenCV answers thinner frames with infinities, noise or invented faces
MOST_SCORED = 50  # of one picture, the largest: a file of a few MB can hold hundreds, and a task has minutes for eight
MIN_SHARPNESS = 6.0  # none of the 310 select-real faces lies below (least 6.8); a Gaussian blur of σ = 3 px does

YUNET_FILE = "face_detection_yunet_2023mar.onnx"
YUNET_SHA256 = "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"
YUNET_BYTES = 232_589
YUNET_URL = (
    "https://raw.githubusercontent.com/ShiqiYu/libfacedetection.train/"
    "0047ac24afb1a50a0c6105001c89d1b5b805dbf1/onnx/yunet_s_640_640.onnx"
)
INSTALL_LINE = "python -m deepfake_guard.detector faces install --download"


class WrongFile(ValueError):
    """The file offered as face finder is not the one whose SHA-256 is pinned."""


@dataclass(frozen=True, slots=True)
class Found:
    """A face as a finder gives it: box and landmarks (none, or five) in pixels of the frame, and its own score."""

    box: BoundingBox
    points: tuple[tuple[float, float], ...]
    score: float


@dataclass(frozen=True, slots=True)
class Correction:
    """What turns another finder's box into YuNet's: side × scale, centre moved by (dx, dy) sides (design.md §7.1)."""

    scale: float
    dx: float
    dy: float


@dataclass(frozen=True, slots=True)
class Finder:
    """`find`: uint8 RGB [H, W, 3], longer side ≤ 640 px → faces in its pixels; for one thread at a time; where it fails
    it raises RuntimeError. `trusted`: the data were cut with it; `points`: it gives five landmarks; `alignment`,
    `side`: how its faces are laid into a square of so many px."""

    name: str
    trusted: bool
    find: Callable[[Pixels], list[Found]]
    correction: Correction | None = None
    points: bool = True
    alignment: str = BOX
    side: int = CROP_PX


# Medians against YuNet's box on the hq select-real crops, padded by 80 px: yuface found 310 of 310, Haar 277 of 310
CORRECTIONS: Mapping[str, Correction] = {
    "yuface": Correction(1.008, 0.004, 0.005),
    "haar": Correction(1.066, -0.004, 0.006),
}


def default_folder() -> Path:
    return Path.home() / ".local/share/deepfake-guard"


def verify(content: bytes) -> None:
    """Raises WrongFile for any content but YuNet's file."""
    if (found := hashlib.sha256(content).hexdigest()) != YUNET_SHA256:
        wanted = f"{YUNET_BYTES} with {YUNET_SHA256[:12]}…"
        raise WrongFile(f"{len(content)} bytes with SHA-256 {found[:12]}…, expected {wanted}")


def install(source: Path | None, folder: Path | None = None) -> Path:
    """Put YuNet's file where the detector looks; None downloads it (20 s). Raises WrongFile or OSError."""
    if source is not None:
        content = source.read_bytes()
    else:
        try:
            with urllib.request.urlopen(YUNET_URL, timeout=20) as answer:
                content = answer.read(YUNET_BYTES + 1)
        except (OSError, http.client.HTTPException) as error:
            raise OSError(f"{YUNET_URL} could not be fetched: {error}") from error
    verify(content)
    target = (folder or default_folder()) / YUNET_FILE
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:  # moved when whole: a worker may start meanwhile
        (Path(scratch) / YUNET_FILE).write_bytes(content)
        (Path(scratch) / YUNET_FILE).replace(target)
    return target


def installed(folder: Path | None = None) -> Path | None:
    path = (folder or default_folder()) / YUNET_FILE
    return path if path.is_file() else None


def choose(folder: Path | None = None) -> Finder:
    """YuNet where its file is installed, else the yuface wheel, else OpenCV's Haar cascade.

    Raises WrongFile when the installed file was altered: a worse finder must not take over unseen.
    """
    if (path := installed(folder)) is not None:
        verify(path.read_bytes())
        return Finder("yunet", True, _yunet(path))
    try:
        import yuface
    except ImportError:
        return haar()
    return Finder("yuface", False, _yuface(yuface), CORRECTIONS["yuface"])


def _yunet(path: Path) -> Callable[[Pixels], list[Found]]:
    rows = yunet.faces(path)

    def find(rgb: Pixels) -> list[Found]:
        return [
            Found(
                BoundingBox(*(float(v) for v in row[:4])),
                tuple((float(row[at]), float(row[at + 1])) for at in range(4, 14, 2)),
                float(row[14]),
            )
            for row in rows(rgb)
        ]

    return find


def _yuface(yuface: Any) -> Callable[[Pixels], list[Found]]:
    @yunet.faults_told()
    def find(rgb: Pixels) -> list[Found]:
        scores, boxes, points = yuface.detect(np.ascontiguousarray(rgb[..., ::-1]), conf=0.7)
        return [
            Found(
                BoundingBox(*(float(v) for v in box)),
                tuple((float(x), float(y)) for x, y in np.reshape(five, (5, 2))),
                float(score) / 100,
            )
            for score, box, five in zip(np.ravel(scores), boxes, points, strict=True)
        ]

    return find


def haar() -> Finder:
    """The finder that every OpenCV brings: frontal faces only, no points."""
    import cv2

    cascade = cv2.CascadeClassifier(str(Path(cv2.__file__).parent / "data" / "haarcascade_frontalface_default.xml"))

    @yunet.faults_told()
    def find(rgb: Pixels) -> list[Found]:
        grey = cv2.equalizeHist(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY))
        boxes, _, weights = cascade.detectMultiScale3(grey, 1.1, 6, minSize=(32, 32), outputRejectLevels=True)
        return [
            Found(BoundingBox(*(float(v) for v in box)), (), float(weight))
            for box, weight in zip(boxes, np.ravel(weights), strict=True)
        ]

    return Finder("haar", False, find, CORRECTIONS["haar"], points=False)


def laying(finder: Finder, alignment: str, side: int = CROP_PX) -> Finder:
    """The finder that lays its faces as an artefact's manifest says; raises NoPoints where it gives no landmarks."""
    if (alignment, side) == (finder.alignment, finder.side):
        return finder
    if alignment != BOX and not finder.points:
        raise NoPoints(f"faces are laid by landmarks ({alignment}), and {finder.name} gives none: {INSTALL_LINE}")
    return replace(finder, name=f"{finder.name}, {alignment}, {side} px", alignment=alignment, side=side)


def find(rgb: Pixels, finder: Finder) -> list[tuple[Face, Pixels]]:
    """All faces of an upright frame, left to right, each with its crop (uint8 [224, 224, 3], or the finder's side).

    Those that are not to be scored have a reason: too small, too blurry, or 50 others are larger."""
    import cv2

    height, width = rgb.shape[:2]
    scale = min(1.0, DETECTION_PX / max(height, width))
    small = rgb
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        way = cv2.INTER_LINEAR if scale >= 0.5 else cv2.INTER_AREA  # as good and an eighth of the time, down to a half
        small = np.asarray(cv2.resize(rgb, size, interpolation=way), dtype=np.uint8)
    if min(small.shape[:2]) < MIN_FRAME_PX:
        return []
    seen = [found for found in finder.find(small) if _sound(found.box, small)]
    if finder.alignment != BOX:
        seen = [found for found in seen if _pointed(found, small)]
    faces = [_face(rgb, found, scale, finder) for found in seen]
    return sorted(_largest_scored(faces), key=lambda pair: pair[0].box.x)


def _largest_scored(faces: list[tuple[Face, Pixels]]) -> list[tuple[Face, Pixels]]:
    ranked = sorted(faces, key=lambda pair: (pair[0].reason != "", -pair[0].native_px))
    rest = [(replace(face, reason=face.reason or "too_many_faces"), crop) for face, crop in ranked[MOST_SCORED:]]
    return ranked[:MOST_SCORED] + rest


def _face(rgb: Pixels, found: Found, scale: float, finder: Finder) -> tuple[Face, Pixels]:
    box = _corrected(found.box, finder.correction)
    box = BoundingBox(box.x / scale, box.y / scale, box.width / scale, box.height / scale)
    points = tuple((x / scale, y / scale) for x, y in found.points)
    square = square_around(box, rgb.shape[1], rgb.shape[0])
    if finder.alignment == BOX:
        picture = crop(rgb, square, finder.side)
    else:
        picture = _encoded(aligned(rgb, points, finder.alignment, finder.side))
        x, y, side = region(placement(points, finder.alignment))
        square = BoundingBox(x - side / 2, y - side / 2, side, side)
    native = int(square.width)
    clarity = sharpness(picture)
    reason = "face_too_small" if native < MIN_NATIVE_PX else "face_too_blurry" if clarity < MIN_SHARPNESS else ""
    return Face(box, points, square, native, clarity, found.score, reason), picture


def _sound(box: BoundingBox, frame: Pixels) -> bool:
    """Finite, at least a pixel wide and high, its centre inside the frame: anything else is the finder's noise."""
    if not all(map(math.isfinite, (box.x, box.y, box.width, box.height))) or min(box.width, box.height) < 1:
        return False
    height, width = frame.shape[:2]
    return bool(0 <= box.x + box.width / 2 <= width and 0 <= box.y + box.height / 2 <= height)


def _pointed(found: Found, frame: Pixels) -> bool:
    """Five landmarks near the frame, eyes and mouth apart: anything else cannot be laid by them."""
    far = 2 * max(frame.shape[:2])
    if len(found.points) != 5 or not all(math.isfinite(at) and abs(at) < far for point in found.points for at in point):
        return False
    (left, right), mouth = found.points[:2], found.points[3]
    return min(math.dist(left, right), math.dist(left, mouth)) >= 1


def _corrected(box: BoundingBox, correction: Correction | None) -> BoundingBox:
    if correction is None:
        return box
    side = max(box.width, box.height)
    centre_x = box.x + box.width / 2 + correction.dx * side
    centre_y = box.y + box.height / 2 + correction.dy * side
    width, height = box.width * correction.scale, box.height * correction.scale
    return BoundingBox(centre_x - width / 2, centre_y - height / 2, width, height)


def square_around(box: BoundingBox, width: int, height: int) -> BoundingBox:
    """The square of 1.3 × the longer side on the box's centre, in whole pixels, moved inside the picture of
    width × height, never larger than it."""
    side = max(1, min(round(CROP_MARGIN * max(box.width, box.height)), width, height))
    x = min(max(0, round(box.x + box.width / 2 - side / 2)), width - side)
    y = min(max(0, round(box.y + box.height / 2 - side / 2)), height - side)
    return BoundingBox(x, y, side, side)


def crop(rgb: Pixels, square: BoundingBox, px: int = CROP_PX) -> Pixels:
    """THE crop recipe: a square of whole pixels, Lanczos to 224 px, JPEG 92 → uint8 [224, 224, 3], as the data were
    made. px: another side, for artefacts that were made so."""
    from PIL import Image  # here: `score --server` cuts nothing and runs where no Pillow is

    left, top, side = int(square.x), int(square.y), int(square.width)
    cut = Image.fromarray(np.ascontiguousarray(rgb[top : top + side, left : left + side]))
    return _encoded(np.asarray(cut.resize((px, px), Image.Resampling.LANCZOS)))


def _encoded(picture: Pixels) -> Pixels:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=JPEG_QUALITY)
    return np.array(Image.open(buffer).convert("RGB"))


def sharpness(picture: Pixels) -> float:
    """Variance of the Laplacian of the grey 224 px crop (8-bit values squared); small = blurred."""
    import cv2

    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    if len(grey) != CROP_PX:
        grey = cv2.resize(grey, (CROP_PX, CROP_PX), interpolation=cv2.INTER_AREA)
    return float(cv2.Laplacian(grey, cv2.CV_64F).var())
