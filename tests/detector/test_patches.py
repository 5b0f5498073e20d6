"""Native patches: inside the picture, at fixed places, back where they were cut from."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from deepfake_guard.detector.signals.muflow import Settings
from deepfake_guard.detector.signals.patches import Patches, assemble, cut, draw, most_deviant

from .artefacts import noise_crops, random_model

V2 = Settings(input_px=32, steps=1, pooling="mean", objective="density", patches=Patches(count=5))


@given(st.integers(8, 40), st.integers(8, 40), st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_every_patch_lies_in_the_picture_and_is_native(height: int, width: int, seed: int) -> None:
    picture = torch.arange(3 * height * width).view(1, 3, height, width)
    corners = draw(6, height, width, 8, np.random.default_rng(seed))
    patches = cut(picture, corners, 8)
    assert patches.shape == (6, 3, 8, 8)
    top, left = corners[4]
    assert torch.equal(patches[4], picture[0, :, top : top + 8, left : left + 8])


def test_the_patches_of_one_picture_lie_side_by_side() -> None:
    pictures = torch.stack([torch.full((3, 9, 9), value) for value in (1, 2)])
    assert cut(pictures, draw(2, 9, 9, 4, np.random.default_rng(0)), 4)[:, 0, 0, 0].tolist() == [1, 1, 2, 2]


def test_the_scored_patches_are_the_same_for_every_picture() -> None:
    assert np.array_equal(Patches().corners(300, 280, 224), Patches().corners(300, 280, 224))
    assert len(np.unique(Patches().corners(300, 280, 224), axis=0)) == Patches().count == 16


def test_a_picture_smaller_than_a_patch_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing is resized"):
        draw(1, 224, 200, 224, np.random.default_rng(0))


def test_the_most_deviant_are_those_far_from_typical_on_either_side() -> None:
    totals = torch.tensor([[5.0, 1.0, 6.0, 8.0], [5.0, 5.5, 5.0, 4.0]])
    shares = most_deviant(totals, torch.tensor(5.0), 2)
    assert shares.tolist() == [[0, 0.5, 0, 0.5], [0, 0.5, 0, 0.5]]
    assert most_deviant(totals, torch.tensor(5.0), 0).tolist() == [[0.25] * 4] * 2


@pytest.mark.parametrize("wrong", [{"count": 0}, {"train": 0}, {"top": 17}, {"top": -1}])
def test_patches_that_cannot_be_taken_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="1 to 256 patches"):
        Patches(**wrong)


def test_a_patch_that_stands_out_is_hot_where_it_was_cut() -> None:
    corners = np.array([[0, 0], [48, 48]])  # of 64 px, patches of 16 px, maps of 4 × 4
    places = torch.stack([torch.zeros(4, 4), torch.ones(4, 4)])[None]
    whole = assemble(places, corners, 16, (64, 64))
    assert whole.shape == (1, 4, 4)
    assert float(whole[0, -1, -1]) == pytest.approx(float(whole.max()))
    assert float(whole[0, 0, 0]) == pytest.approx(float(whole.min()))
    assert float(whole[0, 0, -1]) == pytest.approx(0.5, abs=0.1)  # never looked at: the mean of what was


def test_overlapping_patches_give_their_mean() -> None:
    whole = assemble(torch.stack([torch.zeros(4, 4), torch.ones(4, 4)])[None], np.zeros((2, 2), int), 16, (16, 16))
    torch.testing.assert_close(whole, torch.full((1, 4, 4), 0.5))


def test_a_face_scores_the_mean_of_its_patches() -> None:
    model, crops = random_model(V2), noise_crops(3)
    scores = model.score(crops)
    assert [part.shape for part in scores.maps] == [(3, 8, 8), (3, 4, 4), (3, 2, 2)]
    with torch.inference_mode():
        patches = model.views(torch.from_numpy(crops).permute(0, 3, 1, 2))
        nll = torch.stack(model.likelihoods(model.maps(patches))[0], 1).mean(1)
    np.testing.assert_allclose(scores.total, nll.view(3, 5).mean(1), rtol=1e-5)
    assert model.pooled(crops).shape == (3, 2 * (24 + 40 + 112))


def test_a_face_scores_the_mean_of_its_most_deviant_patches() -> None:
    model = random_model(Settings(32, 1, pooling="mean", objective="density", patches=Patches(count=5, top=2)))
    crops = noise_crops(2)
    with torch.inference_mode():
        patches = model.views(torch.from_numpy(crops).permute(0, 3, 1, 2))
        nll = torch.stack(model.likelihoods(model.maps(patches))[0], 1).double().mean(1).view(2, 5)
    model.typical.fill_(float(nll.median()))
    expected = [row[np.argsort(-np.abs(row - float(nll.median())))[:2]].mean() for row in nll.numpy()]
    np.testing.assert_allclose(model.score(crops).total, expected, rtol=1e-4)
