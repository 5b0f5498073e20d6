"""A crop stored small is scored as the upload that shows as much, on every road that scores it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from deepfake_guard.detector import faces
from deepfake_guard.detector.calibration import ROOT
from deepfake_guard.detector.cli.score import score_crops
from deepfake_guard.detector.pipeline import Detector
from deepfake_guard.detector.records import CROP_MARGIN, CROP_PX, BoundingBox
from deepfake_guard.detector.stored_crops import as_crop, brought, detail_px
from deepfake_guard.detector.training.calibrate import Faces, raw_scores
from deepfake_guard.detector.training.evaluation_table import score
from deepfake_guard.detector.training.simulated import bucket_crops

from .artefacts import counted
from .pictures import portrait, rgb

BUCKETS = ("any/64", "any/112", "any/200", "lossless/112")
NATIVE = (955, 149, 105, 0)  # what the index says of four crops kept at 112 px: much larger, larger, smaller, nothing
SHOWN = [112, 112, 105, 112]
BORDER = 40  # px of ground right of and below the face


def test_a_crop_that_is_ready_already_is_left_as_it_is() -> None:
    crop = rgb(portrait(224))
    assert as_crop(crop) is as_crop(crop, native_px=210) is crop
    assert np.array_equal(brought(crop[None], [210])[0], crop[None])
    wide = rgb(portrait().crop((0, 100, 500, 400)))
    assert np.array_equal(as_crop(wide), faces.crop(wide, BoundingBox(100, 0, 300, 300)))


@given(st.integers(1, 2000), st.integers(0, 4000))
def test_a_stored_crop_never_shows_more_than_its_pixels_or_its_picture(side: int, native: int) -> None:
    shown = detail_px(side, native)
    if not native:
        assert shown == side
    elif side >= CROP_PX:
        assert shown == native
    else:
        assert shown == min(side, native)


def test_a_crop_that_was_enlarged_to_be_stored_goes_back_to_its_own_size_first() -> None:
    stored = rgb(portrait(112))
    shrunk = rgb(Image.fromarray(stored).resize((105, 105), Image.Resampling.LANCZOS))
    expected = faces.crop(shrunk, BoundingBox(0, 0, 105, 105))
    assert np.array_equal(as_crop(stored, native_px=105), expected)
    assert not np.array_equal(as_crop(stored), expected)


@cache
def stored() -> np.ndarray:
    """uint8 [4, 112, 112, 3]: what is on disk."""
    turned = (portrait(), portrait().transpose(Image.Transpose.FLIP_LEFT_RIGHT), portrait().rotate(4), portrait())
    squares = ((150, 45, 150), (212, 45, 150), (140, 40, 160), (140, 40, 170))
    crops = [faces.crop(rgb(one), BoundingBox(x, y, s, s), 112) for one, (x, y, s) in zip(turned, squares, strict=True)]
    return np.stack(crops)


@pytest.fixture(scope="module")
def detector() -> Iterator[Detector]:
    made = counted(brought(stored(), NATIVE)[0], BUCKETS)
    yield made
    made.close()


def test_evaluation_judges_it_in_the_bucket_of_what_it_shows(detector: Detector) -> None:
    results = score(detector, stored(), NATIVE, ["any"] * 4)
    assert [one.bucket for one in results] == ["any/112", "any/112", "any/64", "any/112"]


def test_calibration_counts_the_score_that_evaluation_gives(detector: Detector) -> None:
    ensemble, calibration = detector.artefact.ensemble, detector.artefact.calibration
    genuine = Faces(stored(), np.asarray(NATIVE), ("any",) * 4)
    raw = raw_scores(lambda crops: ensemble.score(crops).scores, genuine, [ROOT, "any/112"], say=print)
    evaluated = score(detector, stored(), NATIVE, ["any"] * 4)
    large = [at for at, side in enumerate(SHOWN) if side >= 112]
    counted = calibration.fused(raw["any/112"], "any/112")
    rounding = 5e-5  # three faces are shared out to threads otherwise than four
    assert counted == pytest.approx([evaluated[at].score for at in large], rel=rounding)
    of_root = [next(rank.score for rank in one.coarser if rank.bucket == ROOT) for one in evaluated]
    assert calibration.fused(raw[ROOT]) == pytest.approx(of_root, rel=rounding)


def test_an_upload_that_shows_as_much_gets_that_score_live(detector: Detector, tmp_path: Path) -> None:
    """Simulated and live, to the last bit of the crop; the face lies in a lossless picture at the size it shows."""
    ready, sides = brought(stored(), NATIVE)
    assert sides == SHOWN
    simulated, at_all = bucket_crops(stored(), NATIVE, "lossless/112", seed=0)
    assert np.array_equal(simulated, ready[at_all])
    scored = score(detector, stored(), NATIVE, ["lossless"] * 4)
    for at, (picture, side) in enumerate(zip(stored(), sides, strict=True)):
        small = rgb(Image.fromarray(picture).resize((side, side), Image.Resampling.LANCZOS))
        path = tmp_path / f"{at}.png"
        Image.fromarray(np.pad(small, ((0, BORDER), (0, BORDER), (0, 0)), mode="edge")).save(path)
        detector.finder = finder(side)
        ((_, crop),) = faces.find(detector.decoder.decode(path).rgb, detector.finder)
        assert np.array_equal(crop, ready[at])
        (found,) = detector.examine(path).faces
        assert found.result is not None
        assert found.result.bucket == scored[at].bucket
        assert found.result.score == pytest.approx(scored[at].score, rel=1e-4)  # batches differ in float32's last bits


def test_score_crops_says_the_same_of_the_files(detector: Detector, tmp_path: Path) -> None:
    lines = ["path,native_crop_px"]
    for at, picture in enumerate(stored()):
        Image.fromarray(picture).save(tmp_path / f"{at}.png")
        lines += [f"{at}.png,{NATIVE[at] or ''}"]
    (tmp_path / "index.csv").write_text("\n".join(lines) + "\n")
    rows = list(score_crops(detector, [tmp_path / f"{at}.png" for at in range(4)]))
    evaluated = score(detector, stored(), NATIVE, ["any"] * 4)
    found = [row["faces"][0] for row in rows]
    assert [face["native_px"] for face in found] == SHOWN
    assert [face["bucket"] for face in found] == [one.bucket for one in evaluated]
    assert [face["score"] for face in found] == pytest.approx([one.score for one in evaluated], rel=1e-6)


def finder(side: int) -> faces.Finder:
    """Finds one face, whose crop is the square of `side` px in the corner."""
    inner = side / CROP_MARGIN
    box = BoundingBox((side - inner) / 2, (side - inner) / 2, inner, inner)
    return faces.Finder("placed", True, lambda _: [faces.Found(box, (), 1.0)])
