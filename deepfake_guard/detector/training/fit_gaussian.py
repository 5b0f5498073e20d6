"""The average-image Gaussians of all stages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..gaussian import Gaussian, Mixture, pool
from ..signals.muflow import BATCH, MuFlow

Features = Callable[[Tensor], list[Tensor]]
Pixels = NDArray[np.uint8]


def batches(crops: Pixels, size: int = BATCH) -> Iterator[Tensor]:
    """Crops uint8 [n, s, s, 3] -> uint8 tensors [<= size, 3, s, s]."""
    for start in range(0, len(crops), size):
        yield torch.from_numpy(np.ascontiguousarray(crops[start : start + size])).permute(0, 3, 1, 2)


@torch.no_grad()  # not inference mode: the result is used in training
def pooled_stages(features: Features, crops: Pixels | Iterable[Pixels], pooling: str) -> list[Tensor]:
    """Crops uint8 [n, s, s, 3], or blocks of them as `averages.streamed` gives -> float64 [n, d] per stage, on
    the CPU: not every accelerator has float64."""
    blocks = [crops] if isinstance(crops, np.ndarray) else crops
    pooled = [
        [pool(maps.cpu().double(), pooling) for maps in features(batch)] for block in blocks for batch in batches(block)
    ]
    return [torch.cat(stage) for stage in zip(*pooled, strict=True)]


def fit_gaussians(features: Features, averages: Pixels | Iterable[Pixels], pooling: str) -> list[Gaussian]:
    """One Gaussian per stage, from average images uint8 [N, s, s, 3] or blocks of them pushed through `features`."""
    return [Gaussian.fit(stage) for stage in pooled_stages(features, averages, pooling)]


def fit_mixtures(
    features: Features, averages: Pixels | Iterable[Pixels], pooling: str, components: int, seed: int = 0
) -> list[Mixture]:
    """As `fit_gaussians`, with `components` Gaussians a stage, started by k-means with this seed."""
    return [Mixture.fit(stage, components, seed) for stage in pooled_stages(features, averages, pooling)]


def fit_alike(model: MuFlow, averages: Pixels | Iterable[Pixels], seed: int = 0) -> Sequence[Gaussian | Mixture]:
    """From other average images, as many components a stage as the model has."""
    known, pooling = model.stages()[0].gaussian, model.settings.pooling
    if isinstance(known, Gaussian):
        return fit_gaussians(model.features, averages, pooling)
    return fit_mixtures(model.features, averages, pooling, len(known.parts()), seed)
