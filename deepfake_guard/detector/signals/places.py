"""How strange the pooled part of z is, and where in the map that strangeness sits."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..gaussian import LINEAR_POOLINGS, Gaussian, Mixture, spread


def components(gaussian: Gaussian | Mixture) -> list[Gaussian]:
    """The Gaussians that it consists of."""
    return gaussian.parts() if isinstance(gaussian, Mixture) else [gaussian]


def energy(gaussian: Gaussian | Mixture, pooled: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """u [n, d] -> (energy [n], each component's share in it [n, M] and pull Σ⁻¹ (u - µ) [n, M, d]).

    One component: ½ (u - µ)ᵀ Σ⁻¹ (u - µ), as published. A mixture: -log Σ_k w_k exp(-½ maha_k) √(|Σ|_least / |Σ_k|),
    its negative log density up to `floor`; never negative and, for one component, the same.
    """
    parts = components(gaussian)
    each = [part.pull(pooled) for part in parts]
    pulls, halves = (torch.stack(part, dim=1) for part in zip(*each, strict=True))
    halves = 0.5 * halves
    if not isinstance(gaussian, Mixture) or len(parts) == 1:
        return halves[:, 0], torch.ones_like(halves), pulls
    volumes = torch.stack([0.5 * part.log_det() for part in parts])
    joint = gaussian.weights.log() - halves - (volumes - volumes.min())
    return -joint.logsumexp(1), joint.softmax(1), pulls


def floor(gaussian: Gaussian | Mixture) -> Tensor:
    """What `energy` lacks to the negative log density in nats, a scalar."""
    parts = components(gaussian)
    least = torch.stack([part.log_det() for part in parts]).min()
    return 0.5 * (least + len(parts[0].mean) * math.log(2 * math.pi))


def energy_places(
    gaussian: Gaussian | Mixture, z: Tensor, pooled: Tensor, pooling: str, whole: Tensor, shares: Tensor, pulls: Tensor
) -> Tensor:
    """z [n, C, H, W], u = pool(z) [n, d], and what `energy` gave -> [n, H, W], which sum to the energy.

    Means give each place its own part. A maximum belongs to the place (or places) where it is reached, a deviation to
    all places by their squared distance from the mean. What only a mixture has is spread evenly.
    """
    size = z.shape[2] * z.shape[3]
    places = z.new_zeros(z.shape[0], *z.shape[2:])
    for at, part in enumerate(components(gaussian)):
        pull = pulls[:, at] * shares[:, at, None]
        if pooling in LINEAR_POOLINGS:
            members = z[0].numel() // pooled.shape[1]
            shape = (z.shape[1], z.shape[2], z.shape[3])
            centred = z - spread(part.mean[None], shape, pooling)
            places = places + 0.5 / members * (centred * spread(pull, shape, pooling)).sum(1)
        else:
            places = places + _weighted(0.5 * (pooled - part.mean) * pull, z, pooling)
    if shares.shape[1] > 1:
        places = places + ((whole - places.sum((1, 2))) / size)[:, None, None]
    return places


def _weighted(parts: Tensor, z: Tensor, pooling: str) -> Tensor:
    """What each pooled value contributes, [n, d] -> [n, H, W]."""
    channels = z.shape[1]
    if pooling == "max":
        reached = (z == z.amax((2, 3), keepdim=True)).to(z.dtype)
        return (parts[:, :, None, None] * reached / reached.sum((2, 3), keepdim=True)).sum(1)
    means, deviations = parts[:, :channels], parts[:, channels:]
    squared = (z - z.mean((2, 3), keepdim=True)).square()
    shares = squared / squared.sum((2, 3), keepdim=True).clamp_min(torch.finfo(z.dtype).tiny)
    # a map without any deviation has no place that stands out
    shares = torch.where(squared.sum((2, 3), keepdim=True) > 0, shares, 1 / (z.shape[2] * z.shape[3]))
    evenly = means.sum(1)[:, None, None] / (z.shape[2] * z.shape[3])
    return evenly + (deviations[:, :, None, None] * shares).sum(1)
