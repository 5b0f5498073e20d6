"""Three ways to lay a face into a square: by its box, by FFHQ's quad, by five points onto a template.

`box` is THE crop recipe (`faces.crop`) and cuts whole pixels; `ffhq` and `five_point` turn and scale the picture by
what the landmarks say, so they need a finder that gives five points. A detector is calibrated for one of the three: its
manifest says which, and `faces.laying` makes a finder cut so.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Points = NDArray[np.float64]

BOX = "box"
ALIGNMENTS = (BOX, "ffhq", "five_point")
# Where the middle of the image-left eye, of the image-right eye, the nose's tip and the mouth's corners go in a square
# of side 1: the 112 px template of SphereFace (arXiv 1704.08063) and ArcFace (arXiv 1801.07698)
TEMPLATE: Points = (
    np.array([[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]) / 112
)
CORNERS: Points = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, 0.0]])  # the order of `quad`: against the clock


class NoPoints(ValueError):
    """The face has no five landmarks: its finder gives none, so it can be cut by its box alone."""


def similarity(source: Points, target: Points) -> Points:
    """The rotation, one scale and shift that bring `source` nearest to `target` in least squares: [2, 3], no mirroring.

    Both are [n, 2], n >= 2 (Umeyama 1991, eq. 39-43). Raises ValueError when the source is a single place.
    """
    centre, goal = source.mean(0), target.mean(0)
    variance = float(np.square(source - centre).sum(1).mean())
    if variance == 0:
        raise ValueError("points that all lie in one place have neither direction nor size")
    left, singular, right = np.linalg.svd((target - goal).T @ (source - centre) / len(source))
    sign = np.array([1.0, np.sign(np.linalg.det(left) * np.linalg.det(right)) or 1.0])
    turned = (singular * sign).sum() / variance * (left * sign) @ right
    return np.column_stack([turned, goal - turned @ centre])


def quad(points: Points) -> Points:
    """FFHQ's square around five landmarks, as four corners [4, 2]: top left, bottom left, bottom right, top right as
    the face sees them (Karras et al., arXiv 1812.04948, appendix C; the eyes' and the mouth's middles are all it uses).

    points: [5, 2], eyes, nose, mouth corners, the image-left one first. Raises ValueError for a face without extent.
    """
    eyes, mouth = points[0:2].mean(0), points[3:5].mean(0)
    across, down = points[1] - points[0], mouth - eyes
    along = across + np.array([down[1], -down[0]])  # across, and down turned by a quarter: both point to the right
    length = float(np.hypot(*along))
    if length == 0:
        raise ValueError("eyes and mouth in one place give no direction")
    half = along / length * max(2.0 * float(np.hypot(*across)), 1.8 * float(np.hypot(*down)))
    lower = np.array([-half[1], half[0]])
    centre = eyes + 0.1 * down
    return np.stack([centre - half - lower, centre - half + lower, centre + half + lower, centre + half - lower])


def placement(points: tuple[tuple[float, float], ...], alignment: str) -> Points:
    """Picture pixels -> a square of side 1, as [2, 3], by a face's five landmarks; raises NoPoints or ValueError."""
    if len(points) != 5:
        raise NoPoints(f"{alignment} needs five landmarks, and the face has {len(points)}")
    five = np.array(points, dtype=np.float64)
    if alignment == "ffhq":
        return similarity(quad(five), CORNERS)
    if alignment == "five_point":
        return similarity(five, TEMPLATE)
    raise ValueError(f"{alignment!r} goes by no landmarks: use ffhq or five_point, and faces.crop for the box")


def region(to_square: Points) -> tuple[float, float, float]:
    """Of a `placement`: the centre (x, y) of what is laid into the square, and its side, in picture pixels."""
    x, y = np.linalg.solve(to_square[:, :2], 0.5 - to_square[:, 2])
    return float(x), float(y), 1 / float(np.hypot(*to_square[:, 0]))


def aligned(rgb: Pixels, points: tuple[tuple[float, float], ...], alignment: str, side: int) -> Pixels:
    """uint8 [H, W, 3] -> uint8 [side, side, 3], the face laid as `placement` says.

    What lies outside the picture is mirrored at its edge, as FFHQ does. A picture that is shrunk more than twofold is
    first averaged down by whole steps: the warp looks at a few neighbours and would alias.
    """
    import cv2  # here: the geometry alone needs no OpenCV

    to_square = placement(points, alignment) * side
    step = int(1 / max(float(np.hypot(*to_square[:, 0])), 1e-9) / 2)
    if step > 1:
        height, width = rgb.shape[0] // step, rgb.shape[1] // step
        rgb = np.asarray(
            cv2.resize(rgb[: height * step, : width * step], (width, height), interpolation=cv2.INTER_AREA)
        )
        to_square = to_square @ np.diag([step, step, 1.0])
    # OpenCV counts from the middle of the first pixel, landmarks and squares from its corner
    to_square[:, 2] += 0.5 * to_square[:, :2].sum(1) - 0.5
    laid = cv2.warpAffine(rgb, to_square, (side, side), flags=cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(laid, dtype=np.uint8)
