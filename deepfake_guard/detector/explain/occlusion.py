"""Where a face's score comes from, whatever decides it: each place is covered with grey in turn, and the face is scored
anew (Zeiler and Fergus, arXiv 1311.2901). With the shipped head about 1.2 s of one core a face."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .overlay import Floats

CELLS = 7  # a side: 49 covers a face
COVER = 1.5  # a cover's side in cells: neighbours overlap, so that no edge falls between two
GREY = 128
CALM = 0.25  # what a cover takes away anywhere on most faces, genuine ones too: a haze that points at nothing

Score = Callable[[NDArray[np.uint8]], NDArray[np.float64]]


def occlusion(score: Score, crop: NDArray[np.uint8], usual: float, high: float) -> Floats:
    """A crop uint8 [s, s, 3] and what scores crops [n, s, s, 3] -> float32 [CELLS, CELLS] in 0..1.

    The share of its distance to `usual`, the median of genuine faces, that a score loses when a place is covered: 0 up
    to CALM, 1 where it loses all. A face below `high`, the score that one genuine face in twenty exceeds, is
    measured as if it stood there: what makes an ordinary face ordinary is nothing to be warm about.
    """
    scores = score(np.stack([crop, *_covered(crop)]))
    falls = (scores[0] - scores[1:]) / (max(float(scores[0]), high) - usual)
    return np.asarray(np.clip((falls - CALM) / (1 - CALM), 0, 1).reshape(CELLS, CELLS), dtype=np.float32)


def _covered(crop: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """Row by row."""
    cell = crop.shape[0] / CELLS
    made = []
    for row in range(CELLS):
        for column in range(CELLS):
            copy = crop.copy()
            copy[_span(row, cell), _span(column, cell)] = GREY
            made.append(copy)
    return made


def _span(at: int, cell: float) -> slice:
    middle, half = (at + 0.5) * cell, COVER * cell / 2
    return slice(max(0, round(middle - half)), round(middle + half))
