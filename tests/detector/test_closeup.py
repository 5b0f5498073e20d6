from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from deepfake_guard.detector import closeup


def noise(height: int, width: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(3).integers(0, 255, (height, width, 3), dtype=np.uint8)


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


@pytest.mark.parametrize(("width", "media_type"), [(120, "image/webp"), (closeup.WEBP_SIDE + 1, "image/png")])
def test_the_picture_to_inspect_has_every_pixel_untouched_and_nothing_else(width: int, media_type: str) -> None:
    rgb = noise(9, width)
    made = closeup.untouched(rgb)
    again = opened(made.content)
    assert (made.kind, made.face, made.media_type, made.width, made.height) == ("inspect", None, media_type, width, 9)
    assert np.array_equal(np.asarray(again.convert("RGB")), rgb)
    assert not again.getexif()
    assert set(again.info) <= {"loop", "background", "timestamp", "duration"}


def test_it_makes_four_views_of_one_size() -> None:
    made = list(closeup.views(noise(40, 60)))
    assert [view.kind for view in made] == ["inspect", "contrast", "error_level", "residual"]
    assert {(view.width, view.height) for view in made} == {(60, 40)}
    assert {opened(view.content).size for view in made} == {(60, 40)}


def test_a_very_large_picture_is_enhanced_smaller_and_inspected_whole() -> None:
    sizes = {view.kind: view.width for view in closeup.views(noise(4, closeup.ENHANCED_PX + 100))}
    assert sizes.pop("inspect") == closeup.ENHANCED_PX + 100
    assert set(sizes.values()) == {closeup.ENHANCED_PX}


def test_a_picture_longer_than_a_jpeg_may_be_has_all_its_views() -> None:
    made = list(closeup.views(noise(4, closeup.JPEG_SIDE + 100)))
    assert [view.kind for view in made] == ["inspect", "contrast", "error_level", "residual"]
    assert made[0].width == closeup.JPEG_SIDE + 100


def test_the_error_level_is_dark_where_saving_again_changes_nothing() -> None:
    rgb = np.full((64, 128, 3), 128, np.uint8)
    rgb[:, 64:] = noise(64, 64)
    level = closeup.error_level(rgb)
    assert level[:, :56].max() == 0
    assert level[:, 72:].mean() > 100


def test_the_residual_of_a_smooth_picture_is_middle_grey() -> None:
    ramp = np.repeat(np.arange(64, dtype=np.uint8)[None, :, None], 64, axis=0).repeat(3, axis=2)
    assert np.abs(closeup.residual(ramp)[1:-1, 1:-1].astype(int) - 128).max() <= closeup.RESIDUAL_GAIN
    assert closeup.residual(noise(64, 64)).std() > 60
