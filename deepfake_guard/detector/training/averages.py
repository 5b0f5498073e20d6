"""Average images (METHOD stage A): the mean of K genuine faces, drawn N times."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

K, N = 500, 1000
_COLUMNS = 8192  # pixels summed at a time: bounds the memory beside the crops and the result


def averages(crops: NDArray[np.uint8], seed: int, size: int = K, count: int = N) -> NDArray[np.uint8]:
    """Crops uint8 [n, s, s, 3], n >= size -> `count` averages of `size` crops each, uint8 [count, s, s, 3].

    Each average draws without replacement, seeded; sums are exact (below 2^24 in float32), then rounded to 8 bit.
    Raises ValueError when there are fewer crops than one average takes.
    """
    if len(crops) < size:
        raise ValueError(f"an average of {size} faces needs at least as many, got {len(crops)}")
    rng = np.random.default_rng(seed)
    drawn = np.zeros((count, len(crops)), np.float32)
    for row in drawn:
        row[rng.choice(len(crops), size, replace=False)] = 1.0
    pixels = crops.reshape(len(crops), -1)
    result = np.empty((count, pixels.shape[1]), np.uint8)
    for start in range(0, pixels.shape[1], _COLUMNS):
        block = slice(start, start + _COLUMNS)
        result[:, block] = np.rint(drawn @ pixels[:, block].astype(np.float32) / size)
    return result.reshape(count, *crops.shape[1:])
