"""Alignment is geometry: known transforms are found again, the quad's corners are where its definition puts them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepfake_guard.detector import alignment
from deepfake_guard.detector.alignment import CORNERS, TEMPLATE, NoPoints, quad, similarity

from . import pictures

# a face looking straight ahead, its eyes 60 px apart on one line, its mouth 70 px below them
FACE = ((70.0, 100.0), (130.0, 100.0), (100.0, 135.0), (80.0, 170.0), (120.0, 170.0))


def transform(angle: float, scale: float, shift: tuple[float, float]) -> np.ndarray:
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[cosine, -sine, shift[0]], [sine, cosine, shift[1]]])


def moved(points: np.ndarray, by: np.ndarray) -> np.ndarray:
    return np.asarray(points @ by[:, :2].T + by[:, 2])


angles = st.floats(-np.pi, np.pi)
scales = st.floats(0.01, 100)
shifts = st.tuples(st.floats(-500, 500), st.floats(-500, 500))


@given(angles, scales, shifts)
def test_a_known_similarity_is_found_exactly(angle: float, scale: float, shift: tuple[float, float]) -> None:
    known = transform(angle, scale, shift)
    np.testing.assert_allclose(similarity(TEMPLATE, moved(TEMPLATE, known)), known, rtol=1e-7, atol=1e-7)


def test_a_mirrored_face_is_turned_never_mirrored() -> None:
    found = similarity(TEMPLATE, TEMPLATE * [-1.0, 1.0])
    assert np.linalg.det(found[:, :2]) > 0


def test_no_other_similarity_comes_nearer() -> None:
    rng = np.random.default_rng(0)
    target = TEMPLATE + rng.normal(0, 0.05, TEMPLATE.shape)
    best = similarity(TEMPLATE, target)
    least = np.square(moved(TEMPLATE, best) - target).sum()
    for _ in range(50):
        cosine, sine, x, y = rng.normal(0, 0.02, 4)
        near = best + np.array([[cosine, -sine, x], [sine, cosine, y]])
        assert np.square(moved(TEMPLATE, near) - target).sum() > least


def test_points_in_one_place_are_refused() -> None:
    with pytest.raises(ValueError, match="one place"):
        similarity(np.ones((5, 2)), TEMPLATE)
    with pytest.raises(ValueError, match="no direction"):
        quad(np.ones((5, 2)))


def test_the_quad_of_an_upright_face_is_the_square_of_its_definition() -> None:
    """Half a side is the larger of 2 × the eyes' distance (120) and 1.8 × eyes to mouth (126); the centre lies a tenth
    of the way from eyes to mouth."""
    left, right, top, bottom = 100 - 126, 100 + 126, 107 - 126, 107 + 126
    np.testing.assert_allclose(quad(np.array(FACE)), [[left, top], [left, bottom], [right, bottom], [right, top]])


@given(angles, scales, shifts)
def test_the_quad_is_a_square_that_moves_with_the_face(angle: float, scale: float, shift: tuple[float, float]) -> None:
    known, face = transform(angle, scale, shift), np.array(FACE)
    corners = quad(moved(face, known))
    np.testing.assert_allclose(corners, moved(quad(face), known), rtol=1e-6, atol=1e-6)
    sides = np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)
    np.testing.assert_allclose(sides, 252 * scale, rtol=1e-6)


def test_the_placement_sends_quad_and_landmarks_where_they_belong() -> None:
    by_quad = alignment.placement(FACE, "ffhq")
    np.testing.assert_allclose(moved(quad(np.array(FACE)), by_quad), CORNERS, atol=1e-12)
    known = transform(0.3, 250, (40, 60))
    points = tuple((float(x), float(y)) for x, y in moved(TEMPLATE, known))
    by_points = alignment.placement(points, "five_point")
    np.testing.assert_allclose(moved(moved(TEMPLATE, known), by_points), TEMPLATE, atol=1e-12)


def test_a_face_without_landmarks_and_an_unknown_way_are_refused() -> None:
    with pytest.raises(NoPoints, match="the face has 0"):
        alignment.placement((), "ffhq")
    with pytest.raises(ValueError, match="no landmarks"):
        alignment.placement(FACE, "box")


@pytest.mark.parametrize("way", ["ffhq", "five_point"])
@pytest.mark.parametrize("enlarged", [1, 8])
def test_a_turned_picture_gives_the_crop_of_the_upright_one(way: str, enlarged: int) -> None:
    """Rotating picture and landmarks by a quarter, and enlarging both, leaves the laid face as it was."""
    rgb = pictures.rgb(pictures.portrait())
    points = ((203.0, 114.0), (244.0, 112.0), (226.0, 136.0), (209.0, 153.0), (243.0, 151.0))
    upright = alignment.aligned(rgb, points, way, 64).astype(float)
    turned = np.ascontiguousarray(np.rot90(rgb)).repeat(enlarged, axis=0).repeat(enlarged, axis=1)
    there = tuple((enlarged * y, enlarged * (rgb.shape[1] - x)) for x, y in points)
    again = alignment.aligned(turned, there, way, 64).astype(float)
    assert np.abs(again - upright).mean() < (0.5 if enlarged == 1 else 4)


@pytest.mark.parametrize("step", [1, 5])
def test_landmarks_end_up_on_the_template(step: int) -> None:
    """White dots at the landmarks of a dark picture are found at the template's places, to a third of a pixel."""
    known = transform(-0.2, 120.0 * step, (90.0 * step, 70.0 * step))
    places = moved(TEMPLATE, known)
    y, x = np.mgrid[0 : 260 * step, 0 : 260 * step] + 0.5
    bright = sum(np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * (2.0 * step) ** 2)) for px, py in places)
    rgb = np.repeat((255 * bright)[..., None], 3, axis=2).astype(np.uint8)
    laid = alignment.aligned(rgb, tuple((float(px), float(py)) for px, py in places), "five_point", 112)[..., 0]
    for place in TEMPLATE * 112:
        left, top = (int(at) - 6 for at in place)
        window = laid[top : top + 13, left : left + 13].astype(float)
        rows, columns = np.mgrid[top : top + 13, left : left + 13] + 0.5
        centre = (columns * window).sum() / window.sum(), (rows * window).sum() / window.sum()
        np.testing.assert_allclose(centre, place, atol=0.34)
