"""The average-image Gaussians of all stages."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..gaussian import Gaussian, pool
from ..signals.muflow import BATCH


def batches(crops: NDArray[np.uint8], size: int = BATCH) -> Iterator[Tensor]:
    """Crops uint8 [n, s, s, 3] -> uint8 tensors [<= size, 3, s, s]."""
    for start in range(0, len(crops), size):
        yield torch.from_numpy(np.ascontiguousarray(crops[start : start + size])).permute(0, 3, 1, 2)


@torch.no_grad()  # not inference mode: the result is used in training
def fit_gaussians(
    features: Callable[[Tensor], list[Tensor]], averages: NDArray[np.uint8], pooling: str
) -> list[Gaussian]:
    """One Gaussian per stage, from average images uint8 [N, s, s, 3] pushed through `features`."""
    pooled = [[pool(maps.double(), pooling) for maps in features(batch)] for batch in batches(averages)]
    return [Gaussian.fit(torch.cat(stage)) for stage in zip(*pooled, strict=True)]
