"""Pictures of stage A: real PNGs, showing what they were given."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from deepfake_guard.detector.gaussian import Gaussian
from deepfake_guard.detector.training import plots


def pixels(png: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(png)) as picture:
        assert picture.format == "PNG"
        return np.asarray(picture.convert("RGB"))


def points(count: int, width: int, seed: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, width)) * np.geomspace(5, 0.1, width)


def drawn_in(picture: NDArray[np.uint8], colour: str) -> int:
    wanted = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    return int((picture == wanted).all(axis=-1).sum())


def test_the_sheet_shows_the_averages_pixel_for_pixel() -> None:
    averages = np.random.default_rng(0).integers(0, 256, (7, 10, 10, 3), dtype=np.uint8)
    sheet = pixels(plots.average_sheet(averages, columns=3, rows=2, gap=2))
    assert sheet.shape == (2 * 12 + 2, 3 * 12 + 2, 3)
    assert np.array_equal(sheet[2:12, 2:12], averages[0])
    assert np.array_equal(sheet[14:24, 26:36], averages[5])


def test_two_principal_directions_keep_the_distances_of_a_plane() -> None:
    flat = points(20, 2, seed=1)
    turned, _ = np.linalg.qr(points(6, 6, seed=2))
    found = plots.principal(flat @ turned[:2] + 3)
    assert found.shape == (20, 2)

    def apart(places: NDArray[np.float64]) -> NDArray[np.float64]:
        squared: NDArray[np.float64] = ((places[:, None] - places[None]) ** 2).sum(axis=-1)
        return np.sqrt(squared)

    np.testing.assert_allclose(apart(found), apart(flat), atol=1e-9)
    assert found[:, 0].var() >= found[:, 1].var()


def test_the_spectrum_has_a_panel_a_layer_and_is_the_same_again() -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is only installed for training")
    gaussians = [Gaussian.fit(torch.from_numpy(points(30, width, seed=3))) for width in (5, 40)]
    png = plots.eigenvalue_spectra(gaussians)
    one, two = pixels(plots.eigenvalue_spectra(gaussians[:1])), pixels(png)
    assert two.shape[1] == 2 * one.shape[1]
    assert drawn_in(two, "#c2410c") > 0
    assert png == plots.eigenvalue_spectra(gaussians)


def test_single_faces_and_averages_are_told_apart_in_every_layer() -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is only installed for training")
    singles = [points(12, width, seed=4) for width in (3, 6)]
    averages = [points(9, width, seed=5) / 10 + 9 for width in (3, 6)]
    picture = pixels(plots.singles_beside_averages(singles, averages))
    for half in np.array_split(picture, 2, axis=1):
        assert drawn_in(half, "#8a94a6") > 0
        assert drawn_in(half, "#c2410c") > 0


def test_t_sne_keeps_groups_apart_and_follows_its_seed() -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is only installed for training")
    groups = np.concatenate([points(15, 4, seed=6), points(15, 4, seed=7) + 60])
    flat = plots.neighbourhoods(groups, seed=1)
    between = np.linalg.norm(flat[:15].mean(axis=0) - flat[15:].mean(axis=0))
    assert between > np.linalg.norm(flat[:15] - flat[:15].mean(axis=0), axis=1).mean()
    np.testing.assert_array_equal(flat, plots.neighbourhoods(groups, seed=1))
