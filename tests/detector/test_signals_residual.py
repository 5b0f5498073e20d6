"""The residual statistics see what cameras do not leave, and nothing of what is merely another picture."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from deepfake_guard.detector.signals.base import Seen
from deepfake_guard.detector.signals.residual import RINGS, Residual, statistics

SIDE = 96
Change = Callable[[np.ndarray], np.ndarray]


def photographs(count: int, seed: int = 0) -> np.ndarray:
    """Soft colours under sensor-like noise, uint8 [count, SIDE, SIDE, 3]."""
    rng = np.random.default_rng(seed)
    pictures = []
    for _ in range(count):
        small = rng.uniform(40, 215, (6, 6, 3)).astype(np.float32)
        smooth = cv2.resize(small, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
        noise = rng.normal(0, rng.uniform(2, 4), (SIDE, SIDE, 3)) + rng.normal(0, 2, (SIDE, SIDE, 1))
        pictures.append(np.clip(np.rint(smooth + noise), 0, 255).astype(np.uint8))
    return np.stack(pictures)


def seen(crops: np.ndarray) -> Seen:
    return Seen(crops, np.zeros((len(crops), 1), np.float32))


@pytest.fixture(scope="module")
def signal() -> Residual:
    return Residual.fit(seen(photographs(150)))


def smoothed(crops: np.ndarray) -> np.ndarray:
    return np.stack([cv2.GaussianBlur(crop, (0, 0), 1.2) for crop in crops])


def upsampled(crops: np.ndarray) -> np.ndarray:
    return np.asarray(np.repeat(np.repeat(crops[:, ::2, ::2], 2, axis=1), 2, axis=2))


def one_noise(crops: np.ndarray) -> np.ndarray:
    """The channels' noise made one and the same."""
    grey = crops.mean(axis=3, keepdims=True)
    low = np.stack([cv2.GaussianBlur(crop, (0, 0), 3) for crop in crops]).astype(np.float32)
    return np.asarray(np.clip(low + grey - low.mean(axis=3, keepdims=True), 0, 255), dtype=np.uint8)


@pytest.mark.parametrize("change", [smoothed, upsampled, one_noise])
def test_what_no_camera_leaves_is_unusual(signal: Residual, change: Change) -> None:
    usual = signal.score(seen(photographs(40, 1)))
    assert signal.score(seen(change(photographs(40, 1)))).min() > np.quantile(usual, 0.95)


def test_a_mirrored_photograph_is_about_as_usual_as_before(signal: Residual) -> None:
    crops = photographs(30, 2)
    mirrored = signal.score(seen(crops[:, :, ::-1].copy()))
    assert np.median(np.abs(mirrored / signal.score(seen(crops)) - 1)) < 0.1


def test_doubled_pixels_stand_out_at_their_period_alone() -> None:
    """The three numbers behind the rings and the lean: peaks at 8, 4 and 2 px."""
    peaks = slice(18 + RINGS + 2, 18 + RINGS + 5)
    stripes = photographs(1, 3).astype(np.int16)
    stripes[:, :, ::4] += 25
    before, after = (
        statistics(np.clip(each, 0, 255).astype(np.uint8))[0, peaks] for each in (photographs(1, 3), stripes)
    )
    assert after[1] - before[1] > 1.5
    assert abs(after[0] - before[0]) < 1.0


def test_every_number_is_finite_on_a_flat_picture() -> None:
    assert np.all(np.isfinite(statistics(np.full((2, 64, 64, 3), 128, np.uint8))))


def test_each_face_has_its_own_numbers() -> None:
    crops = photographs(3, 4)
    np.testing.assert_allclose(statistics(crops)[1], statistics(crops[1:2])[0])


@pytest.mark.parametrize("crops", [np.zeros((1, 96, 96, 3)), np.zeros((1, 32, 32, 3), np.uint8)])
def test_what_is_no_crop_is_refused(crops: np.ndarray) -> None:
    with pytest.raises(ValueError, match="crops must be uint8"):
        statistics(crops)
