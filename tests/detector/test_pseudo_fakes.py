"""Pseudo-fakes differ from the face they are made of, in its middle, by little, and the same seed makes the same."""

from __future__ import annotations

import numpy as np
import pytest

from deepfake_guard.detector.training.crops import Pixels
from deepfake_guard.detector.training.pseudo_fakes import resynthesised, self_blend

ENDS = (slice(0, 8), slice(-8, None))


@pytest.fixture
def face() -> Pixels:
    rng = np.random.default_rng(4)
    coarse = rng.integers(0, 256, (14, 14, 3), dtype=np.uint8)
    return np.kron(coarse, np.ones((8, 8, 1), np.uint8))


@pytest.fixture
def other() -> Pixels:
    return np.random.default_rng(5).integers(0, 256, (112, 112, 3), dtype=np.uint8)


@pytest.mark.parametrize("seed", range(8))
def test_a_self_blend_alters_the_middle_more_than_the_corners(face: Pixels, other: Pixels, seed: int) -> None:
    for inner, least in ((None, 1.0), (other, 2.0)):  # another face alters more than its own does
        made = self_blend(face, np.random.default_rng(seed), inner)
        assert made.shape == face.shape
        assert made.dtype == np.uint8
        change = np.abs(made.astype(int) - face)
        corners = np.mean([change[rows, columns].mean() for rows in ENDS for columns in ENDS])
        assert change[40:72, 40:72].mean() > least * corners


def test_a_self_blend_leaves_half_of_the_faces_around_it_as_they_were(face: Pixels) -> None:
    """Either the inner or the outer face is restyled, so that neither is the altered one by its place."""
    made = [self_blend(face, np.random.default_rng(seed)) for seed in range(60)]
    kept = np.mean([np.array_equal(one[rows, rows], face[rows, rows]) for one in made for rows in ENDS])
    assert 0.3 < kept < 0.7


@pytest.mark.parametrize("make", [self_blend, resynthesised])
def test_the_same_seed_makes_the_same_pseudo_fake(face: Pixels, make) -> None:  # type: ignore[no-untyped-def]
    first, again = (make(face, np.random.default_rng(11)) for _ in range(2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, make(face, np.random.default_rng(12)))


def test_resynthesis_redraws_fine_texture_and_keeps_the_picture(face: Pixels) -> None:
    noisy = np.clip(face + np.random.default_rng(0).normal(0, 8, face.shape), 0, 255).astype(np.uint8)
    for seed in range(6):
        made = resynthesised(noisy, np.random.default_rng(seed)).astype(float)
        coarse = made.reshape(14, 8, 14, 8, 3).mean((1, 3)) - noisy.reshape(14, 8, 14, 8, 3).mean((1, 3))
        assert np.abs(made - noisy).mean() > 0.5
        assert np.abs(coarse).mean() < np.abs(made - noisy).mean()
