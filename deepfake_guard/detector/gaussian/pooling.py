"""From a feature map to the vector that a layer's Gaussian describes (method.md, "Variants in the published code")."""

from __future__ import annotations

import torch
from torch import Tensor

POOLINGS = ("mean", "max", "mean_std", "flatten", "full_flatten")
# Means over disjoint groups of places: only for these does `spread` undo `pool`.
LINEAR_POOLINGS = ("mean", "flatten", "full_flatten")
_LEAST_VARIANCE = 1e-12  # below it the standard deviation has no usable gradient


def pool(maps: Tensor, pooling: str) -> Tensor:
    """[n, C, H, W] -> [n, d].

    "mean" and "max" over all places (d = C), "mean_std" both mean and standard deviation (of the population, d = 2C),
    "flatten" the mean over the width (d = C·H), "full_flatten" every value (d = C·H·W). Raises ValueError for another.
    """
    if pooling == "mean":
        return maps.mean(dim=(2, 3))
    if pooling == "max":
        return maps.amax(dim=(2, 3))
    if pooling == "mean_std":
        deviation = maps.var(dim=(2, 3), correction=0).clamp_min(_LEAST_VARIANCE).sqrt()
        return torch.cat([maps.mean(dim=(2, 3)), deviation], dim=1)
    if pooling == "flatten":
        return maps.mean(dim=3).flatten(1)
    if pooling == "full_flatten":
        return maps.flatten(1)
    raise _unknown(pooling)


def spread(pooled: Tensor, shape: tuple[int, int, int], pooling: str) -> Tensor:
    """[n, d] -> [n, C, H, W] or a shape that broadcasts to it: every place gets its pool's value.

    Raises ValueError for a pooling outside LINEAR_POOLINGS, whose value belongs to no group of places.
    """
    channels, height, width = shape
    places = {"mean": (1, 1), "flatten": (height, 1), "full_flatten": (height, width)}
    if pooling not in places:
        raise ValueError(f"{pooling!r} cannot be spread over places: use one of {', '.join(LINEAR_POOLINGS)}")
    return pooled.view(-1, channels, *places[pooling])


def pooled_width(shape: tuple[int, int, int], pooling: str) -> int:
    """d, the length of what `pool` gives for maps of this shape (C, H, W)."""
    channels, height, width = shape
    widths = {
        "mean": channels,
        "max": channels,
        "mean_std": 2 * channels,
        "flatten": channels * height,
        "full_flatten": channels * height * width,
    }
    if pooling not in widths:
        raise _unknown(pooling)
    return widths[pooling]


def _unknown(pooling: str) -> ValueError:
    return ValueError(f"unknown pooling {pooling!r}: use one of {', '.join(POOLINGS)}")
