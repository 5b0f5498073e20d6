"""The heat map stays calm on a calm face and points at the place that is not."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deepfake_guard.detector import explain, weights
from deepfake_guard.detector.calibration import HeatRange
from deepfake_guard.detector.explain import words
from deepfake_guard.detector.explain.occlusion import occlusion

from .artefacts import noise_crops, tiny_artefact

SCALE = HeatRange(calm=1.0, hot=5.0)


@pytest.fixture
def artefact(tmp_path: Path) -> weights.Artefact:
    return tiny_artefact(tmp_path)  # its `usual` is 0 and its `deviation` 1 everywhere


def calm_maps(artefact: weights.Artefact) -> list[np.ndarray]:
    return [np.full((2, *shape[1:]), 0.5, np.float32) for shape in artefact.model.shapes]


def test_a_calm_face_has_no_heat(artefact: weights.Artefact) -> None:
    heat = explain.heat(calm_maps(artefact), artefact.model, SCALE)
    assert heat.dtype == np.float32
    assert heat.shape == (2, 16, 16)
    assert heat.max() == 0


def test_a_strange_place_is_hot_where_it_is_and_in_its_face_alone(artefact: weights.Artefact) -> None:
    maps = calm_maps(artefact)
    for part in maps:
        part[1, : part.shape[1] // 2, : part.shape[2] // 2] = 9.0
    heat = explain.heat(maps, artefact.model, SCALE)
    assert heat[1, 2, 2] == 1.0
    assert heat[1, 13, 13] == 0
    assert heat[0].max() == 0


def test_the_overlay_is_transparent_where_calm() -> None:
    heat = np.zeros((16, 16), np.float32)
    heat[:, 8:] = 1.0
    picture = Image.open(io.BytesIO(explain.overlay_png(heat)))
    assert (picture.format, picture.mode, picture.size) == ("PNG", "RGBA", (224, 224))
    alpha = np.asarray(picture)[..., 3]
    assert alpha[:, :90].max() == 0
    assert 0 < alpha[:, 140:].min() < 255


def test_each_layer_has_a_heat_map_of_its_own(artefact: weights.Artefact) -> None:
    maps = calm_maps(artefact)
    maps[1][0] = 9.0
    layers = explain.layer_heat(maps, artefact.model, SCALE)
    assert layers.shape == (3, 2, 16, 16)
    assert layers[1, 0].min() == 1.0
    assert layers[[0, 2]].max() == layers[:, 1].max() == 0


def test_signals_are_named_for_people_and_heads_stand_apart() -> None:
    given = {
        "muflow": {"score": 1.0, "p_value": 0.2},
        "strange": {"score": 1.0, "p_value": 0.1},
        "head": {"score": 1.0, "p_value": 0.3},
        "generator:FLUX.1 dev": {"score": 1.0, "p_value": 0.02},
    }
    strange, heads = words.comparisons(given)
    assert [one.name for one in strange] == ["All one-class signals", "µFlow"]
    assert [one.name for one in heads] == ["Looks like FLUX.1 dev", "Any known generator"]
    assert "one of 4 comparisons" in words.caution(4)


@pytest.mark.parametrize(
    ("native", "sharpness", "bucket", "n", "said"),
    [
        (300, 200.0, "jpeg90/200", 700, []),
        (500, 200.0, "any/200", 700, []),
        (300, 200.0, "any/200", 700, ["Unfamiliar compression"]),
        (80, 200.0, "jpeg70/64", 700, ["Small"]),
        (150, 20.0, "jpeg70/112", 700, ["Rather small", "Blurred"]),
        (300, 200.0, "any", 210, ["Unfamiliar size", "Few genuine faces"]),
    ],
)
def test_it_says_what_kept_a_score_from_being_surer(
    native: int, sharpness: float, bucket: str, n: int, said: list[str]
) -> None:
    told = words.remarks(native, sharpness, bucket, n)
    assert [remark.startswith(start) for remark, start in zip(told, said, strict=True)] == [True] * len(said)


def test_what_counts_as_small_follows_the_crops_of_the_artefact() -> None:
    assert words.remarks(300, 200.0, "any/200", 700, crop_px=384) == [
        "Rather small: the face square has 300 px, enlarged to 384.",
        "Unfamiliar compression: it was compared with genuine faces of its size, whatever their encoding.",
    ]
    assert words.remarks(500, 200.0, "any/200", 700, crop_px=384)[0].startswith("Unfamiliar compression")
    assert words.remarks(800, 200.0, "any/200", 700, crop_px=384) == []


def test_a_cover_is_warm_where_it_takes_the_score_away() -> None:
    crop = np.full((224, 224, 3), 128, np.uint8)
    crop[:48, 176:] = 255  # what is scored: bright pixels, in the upper right corner alone

    def score(crops: np.ndarray) -> np.ndarray:
        return np.asarray((crops == 255).mean(axis=(1, 2, 3)) * 100)

    warm = occlusion(score, crop, usual=0.0, high=1.0)
    assert warm.shape == (7, 7)
    assert warm.argmax() == 6  # row 0, column 6
    assert 0.3 < warm[0, 6] < 1
    assert warm[3:].max() == warm[:, :4].max() == 0
    assert occlusion(score, crop, usual=0.0, high=1e4).max() < 0.01  # an ordinary face stays calm


def test_what_decides_is_asked_alone(artefact: weights.Artefact) -> None:
    crops = noise_crops(3)
    raw = artefact.ensemble.score(crops).scores
    np.testing.assert_allclose(artefact.ensemble.asked(crops, ["muflow"])["muflow"], raw["muflow"])
    np.testing.assert_allclose(artefact.calibration.decided({"muflow": raw["muflow"]}), artefact.calibration.fused(raw))


def test_a_map_of_what_does_not_decide_says_so() -> None:
    assert "no weight" not in words.whose_map(["muflow", "head"])
    assert "no weight" not in words.whose_map([])  # an artefact that does not say
    assert "that of: Any known generator." in words.whose_map(["head"])
