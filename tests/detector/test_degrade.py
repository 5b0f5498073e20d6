"""What tuning does to both halves of a pair: the promised encodings and changes, by seed alone."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from PIL import Image

from deepfake_guard.detector.training import degrade

from .pictures import portrait, rgb

PATCH, SEEDS = 48, 300


@pytest.fixture(scope="module")
def face() -> np.ndarray:
    return rgb(portrait(64))


def test_tuning_compresses_as_jpeg_40_to_95_and_webp(face: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = list[tuple[str, int]]()
    plain = degrade.encode

    def watched(picture: Image.Image, form: str, quality: int) -> Image.Image:
        seen.append((form, quality))
        return plain(picture, form, quality)

    monkeypatch.setattr(degrade, "encode", watched)
    for seed in range(SEEDS):
        degrade.for_tuning(face, np.random.default_rng(seed), PATCH)
    forms, qualities = Counter(form for form, _ in seen), [quality for _, quality in seen]
    assert set(forms) == {"JPEG", "WEBP"}
    assert 0.7 < forms["JPEG"] / len(seen) < 0.9
    assert 0.78 < len(seen) / SEEDS < 0.92  # some stay as they are: uploads of PNG
    assert 40 <= min(qualities) < 45
    assert 90 < max(qualities) <= 95


def test_the_same_seed_does_the_same_to_genuine_and_fake(face: np.ndarray) -> None:
    """What differs between the halves of a pair is what differed before."""
    fake = face.copy()
    fake[30:34, 30:34] = 255
    for seed in range(20):
        both = [degrade.for_tuning(one, np.random.default_rng(seed), PATCH).astype(int) for one in (face, fake)]
        assert both[0].shape == (PATCH, PATCH, 3)
        assert np.median(np.abs(both[0] - both[1])) <= 8  # compression spreads a little of it
        assert np.array_equal(both[0], degrade.for_tuning(face, np.random.default_rng(seed), PATCH))


def test_tuning_mirrors_shrinks_and_moves(face: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    """With encoding, colours and ground left out, places of a crop are what is left: half of them mirrored."""
    for name in ("recoloured", "on_flat_ground"):
        monkeypatch.setattr(degrade, name, lambda picture, _: picture)
    monkeypatch.setattr(degrade, "encode", lambda picture, *_: picture)
    sides, plain = list[int](), degrade.shrink

    def watched(picture: Image.Image, side: int) -> Image.Image:
        sides.append(side)
        return plain(picture, side)

    monkeypatch.setattr(degrade, "shrink", watched)
    corner = np.zeros_like(face)
    corner[:, :32] = 255
    lit = [degrade.for_tuning(corner, np.random.default_rng(seed), 64)[:, :32].mean() > 128 for seed in range(SEEDS)]
    assert 0.4 < np.mean(lit) < 0.6
    assert 0.4 < len(sides) / SEEDS < 0.6
    assert 0.4 * 64 - 1 <= min(sides) < 0.5 * 64
    places = {degrade.for_tuning(face, np.random.default_rng(seed), 16).tobytes() for seed in range(40)}
    assert len(places) == 40


def test_colours_move_a_little_and_contrast_both_ways(face: np.ndarray) -> None:
    made = [degrade.recoloured(face, np.random.default_rng(seed)).astype(float) for seed in range(60)]
    contrast = np.array([one.std() for one in made]) / face.std()
    light = np.array([one.mean() for one in made]) - face.mean()
    assert contrast.min() < 0.9 < 1.1 < contrast.max()
    assert light.min() < -5 < 5 < light.max()
    assert np.abs(light).max() < 64


def test_a_flat_ground_keeps_the_face_and_levels_the_corners(face: np.ndarray) -> None:
    for seed in range(12):
        made = degrade.on_flat_ground(face, np.random.default_rng(seed))
        assert np.array_equal(made[28:36, 28:36], face[28:36, 28:36])
        corners = made[[0, 0, -1, -1], [0, -1, 0, -1]].astype(int)
        assert np.ptp(corners, axis=0).max() <= 1
