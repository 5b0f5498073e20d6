"""A face that arrives as a calibration face was simulated gets the score that was counted (design.md §7.10)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deepfake_guard.detector import faces
from deepfake_guard.detector.calibration import ROOT, lineage
from deepfake_guard.detector.pipeline import Detector
from deepfake_guard.detector.records import CROP_MARGIN, BoundingBox
from deepfake_guard.detector.training.calibrate import Faces, raw_scores
from deepfake_guard.detector.training.degrade import QUALITIES
from deepfake_guard.detector.training.simulated import bucket_crops, seeded_upload

from .artefacts import counted
from .pictures import portrait

SEED = 4
BUCKETS = ("lossless/64", "lossless/112", "jpeg90/64", "jpeg70/112", "jpeg0/200", "webp/64")
BORDER = 40  # px of ground right of and below the face


@cache
def genuine() -> Faces:
    """Three crops by THE recipe, 224 px."""
    turned = (portrait(), portrait().transpose(Image.Transpose.FLIP_LEFT_RIGHT), portrait().rotate(4))
    squares = (BoundingBox(150, 45, 150, 150), BoundingBox(212, 45, 150, 150), BoundingBox(140, 40, 160, 160))
    crops = [faces.crop(np.asarray(picture), square) for picture, square in zip(turned, squares, strict=True)]
    return Faces(np.stack(crops), np.asarray([224, 224, 224]))


def finder(square: BoundingBox) -> faces.Finder:
    """Finds one face, whose crop is just this square."""
    side = square.width / CROP_MARGIN
    inset = (square.width - side) / 2
    box = BoundingBox(square.x + inset, square.y + inset, side, side)
    return faces.Finder("placed", True, lambda _: [faces.Found(box, (), 1.0)])


@pytest.fixture(scope="module")
def detector() -> Iterator[Detector]:
    made = counted(genuine().crops, BUCKETS)
    yield made
    made.close()


@pytest.mark.parametrize("bucket", BUCKETS)
def test_an_upload_like_the_simulated_one_gets_the_score_of_the_calibration_path(
    detector: Detector, tmp_path: Path, bucket: str
) -> None:
    ensemble, calibration = detector.artefact.ensemble, detector.artefact.calibration
    counted = raw_scores(lambda crops: ensemble.score(crops).scores, genuine(), [bucket], seed=SEED, say=print)[bucket]
    expected = calibration.fused(counted, bucket)
    simulated, _ = bucket_crops(genuine().crops, genuine().native_px, bucket, SEED)
    for at in range(len(genuine())):
        path, square = upload(tmp_path / f"{at}", at, bucket)
        detector.finder = finder(square)
        ((_, crop),) = faces.find(detector.decoder.decode(path).rgb, detector.finder)
        assert np.array_equal(crop, simulated[at]), "to the last bit"
        (found,) = detector.examine(path).faces
        assert found.face.native_px == square.width
        assert found.result is not None
        assert [found.result.bucket, *(rank.bucket for rank in found.result.coarser)] == [bucket, ROOT]
        assert found.result.score == pytest.approx(expected[at], abs=1e-3)  # batches differ in float32's last bits
        (reached,) = calibration.buckets[bucket].reached("fused", expected[at : at + 1])
        assert found.result.reached == pytest.approx(reached, abs=1)


@pytest.mark.parametrize("bucket", BUCKETS)
def test_the_buckets_tried_here_serve_themselves(detector: Detector, bucket: str) -> None:
    assert [key for key in lineage(bucket) if key in detector.artefact.calibration.buckets] == [bucket, ROOT]


@pytest.mark.parametrize(("side", "bucket"), [(224, ROOT), (384, "jpeg0/200")])
def test_an_upload_of_a_larger_crop_is_judged_by_its_encoding_as_far_as_calibration_simulates_it(
    detector: Detector, tmp_path: Path, side: int, bucket: str
) -> None:
    whole = portrait().resize((640, 640))
    whole.save(tmp_path / "upload", "JPEG", quality=50)
    detector.finder = replace(finder(BoundingBox(70, 60, 500, 500)), side=side)
    (found,) = detector.examine(tmp_path / "upload").faces
    assert found.face.native_px == 500
    assert found.result is not None
    assert found.result.bucket == bucket


def upload(path: Path, at: int, bucket: str) -> tuple[Path, BoundingBox]:
    """The file that the bucket's upload of this face would be, and where the face's square lies in it."""
    side, encoding, rng = seeded_upload(bucket, 224, SEED, at)
    picture = Image.fromarray(genuine().crops[at])
    if side < 224:
        picture = picture.resize((side, side), Image.Resampling.LANCZOS)
    pixels = np.asarray(picture)
    if encoding == "lossless":
        ground = np.pad(pixels, ((0, BORDER), (0, BORDER), (0, 0)), mode="edge")
        Image.fromarray(ground).save(path, "PNG")
        return path, BoundingBox(0, 0, side, side)
    low, high = QUALITIES[encoding]
    quality = int(rng.integers(low, high + 1))
    top, left = (int(offset) for offset in rng.integers(0, 16, 2))
    ground = np.pad(pixels, ((top, 0), (left, 0), (0, 0)), mode="edge")
    Image.fromarray(ground).save(path, "WEBP" if encoding == "webp" else "JPEG", quality=quality)
    return path, BoundingBox(left, top, side, side)
