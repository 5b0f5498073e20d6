"""Input v2 in training: random native patches of each picture (method.md, "Variants in the published code")."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..signals.patches import draw


def random_patches(crops: NDArray[np.uint8], count: int, side: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Crops uint8 [n, h, w, 3] -> uint8 [n · count, side, side, 3]: of each picture `count` at places of its own.

    Raises ValueError for pictures smaller than a patch.
    """
    cut = np.empty((len(crops), count, side, side, 3), np.uint8)
    for picture, patches in zip(crops, cut, strict=True):
        for at, (top, left) in enumerate(draw(count, picture.shape[0], picture.shape[1], side, rng)):
            patches[at] = picture[top : top + side, left : left + side]
    return cut.reshape(-1, side, side, 3)
