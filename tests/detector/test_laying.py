"""A face is laid into the square that is scored as the artefact's manifest says: by its box, or by its landmarks."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deepfake_guard.detector import alignment, faces, manifest, weights
from deepfake_guard.detector.alignment import NoPoints
from deepfake_guard.detector.pipeline import Detector
from deepfake_guard.detector.records import CROP_PX, BoundingBox

from .artefacts import tiny_artefact
from .finders import finder
from .pictures import portrait, rgb, saved

LAID = ("ffhq", "five_point")
POINTS = ((200.0, 150.0), (260.0, 150.0), (230.0, 185.0), (210.0, 220.0), (250.0, 220.0))


def fixed(points: tuple[tuple[float, float], ...]) -> faces.Finder:
    found = faces.Found(BoundingBox(180.0, 110.0, 100.0, 120.0), points, 1.0)
    return faces.Finder("fixed", True, lambda _: [found])


def turned(angle: float, size: int = 512) -> tuple[tuple[float, float], ...]:
    """POINTS in a picture that PIL has turned by so many degrees."""
    cosine, sine, middle = np.cos(np.radians(angle)), np.sin(np.radians(angle)), size / 2
    away = [(x - middle, y - middle) for x, y in POINTS]
    return tuple((middle + x * cosine + y * sine, middle - x * sine + y * cosine) for x, y in away)


@pytest.mark.parametrize("how", LAID)
def test_a_turned_head_is_laid_upright(how: str) -> None:
    picture = portrait().resize((512, 512))
    other = picture.rotate(25, resample=Image.Resampling.BICUBIC)
    ((_, upright),) = faces.find(rgb(picture), faces.laying(fixed(POINTS), how))
    ((_, righted),) = faces.find(rgb(other), faces.laying(fixed(turned(25)), how))
    ((_, left),) = faces.find(rgb(other), faces.laying(fixed(POINTS), how))
    away = [np.abs(upright[40:184, 40:184].astype(int) - each[40:184, 40:184]).mean() for each in (righted, left)]
    assert away[0] < 5
    assert away[1] > 20


def test_its_size_and_place_are_those_of_what_was_laid() -> None:
    """Half of FFHQ's side is the larger of 2 × the eyes' distance (120) and 1.8 × eyes to mouth (126)."""
    ((face, crop),) = faces.find(rgb(portrait()), faces.laying(fixed(POINTS), "ffhq"))
    assert face.native_px == 252
    assert (face.crop.x, face.crop.y) == pytest.approx((230 - 126, 157 - 126))
    assert (face.crop.width, face.crop.height) == pytest.approx((252, 252))
    assert face.box == BoundingBox(180.0, 110.0, 100.0, 120.0)
    whole = alignment.aligned(rgb(portrait()), POINTS, "ffhq", CROP_PX).astype(int)
    assert np.abs(crop - whole).mean() < 3  # JPEG 92 lies between, as in THE recipe


@pytest.mark.parametrize("how", ["box", *LAID])
def test_another_side_is_the_same_cut_in_more_pixels(how: str) -> None:
    finders = (faces.laying(fixed(POINTS), how, side) for side in (224, 448))
    ((small, crop),), ((large, fine),) = (faces.find(rgb(portrait(1024)), finder) for finder in finders)
    assert (small.crop, small.native_px) == (large.crop, large.native_px)
    assert fine.shape == (448, 448, 3)
    halved = np.asarray(Image.fromarray(fine).resize((224, 224), Image.Resampling.BOX)).astype(int)
    assert np.abs(halved - crop).mean() < 3


def test_landmarks_that_cannot_be_laid_by_are_the_finders_noise() -> None:
    wild = (POINTS[:4], ((1.0, 1.0),) * 5, ((float("nan"), 0.0), *POINTS[1:]), ((1e9, 0.0), *POINTS[1:]))
    for points in wild:
        assert faces.find(rgb(portrait()), faces.laying(fixed(points), "five_point")) == []
        assert len(faces.find(rgb(portrait()), fixed(points))) == 1


def test_a_finder_without_landmarks_is_refused_with_the_cure(tmp_path: Path) -> None:
    with pytest.raises(NoPoints, match=r"haar gives none: .*faces install"):
        faces.laying(faces.haar(), "ffhq")
    assert faces.laying(faces.haar(), "box").name == "haar"
    artefact = tiny_artefact(tmp_path)
    with pytest.raises(NoPoints):
        Detector(replace(artefact, manifest=replace(artefact.manifest, alignment="ffhq")), faces.haar())


@pytest.mark.parametrize("how", LAID)
def test_an_artefact_is_scored_on_faces_laid_as_its_manifest_says(how: str, tmp_path: Path) -> None:
    tiny_artefact(tmp_path / "artefact")
    manifest.write(tmp_path / "artefact", replace(manifest.read(tmp_path / "artefact"), alignment=how))
    path = saved(tmp_path / "a.png", portrait())
    with closing(Detector(weights.load(tmp_path / "artefact", "cpu"), finder("yuface"))) as detector:
        assert detector.finder.name == f"yuface, {how}, 224 px"
        (face,) = detector.examine(path).faces
        ((_, crop),) = faces.find(rgb(portrait()), faces.laying(finder("yuface"), how))
        assert face.result is not None
        assert detector.score(crop[None])[0].score == pytest.approx(face.result.score, rel=1e-4, abs=1e-4)
