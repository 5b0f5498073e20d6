"""What is minimised and what is scored: the negative log-likelihood of one layer, and its share at every place.

"published": ½ (u - µ*)ᵀ Σ*⁻¹ (u - µ*) - log|det J| with u = pool(z) (METHOD stage B). It is no density of z: what
pooling removes is unconstrained, so it is unbounded below.
"published-log1p": log(1 + max(0, published)), as the published code does with `flatten`.
"density": a density of the whole standardised map, in nats per dimension: the average-image Gaussian on the pooled
part, a unit Gaussian on the remainder, and the LayerNorm's affine counted in the determinant (without it, shrinking the
affine would be free). Poolings are means, so pooled part and remainder are orthogonal.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..flow import FastFlow
from ..gaussian import Gaussian, pool, spread

OBJECTIVES = ("published", "published-log1p", "density")


def layer_nll(
    flow: FastFlow, gaussian: Gaussian, features: Tensor, pooling: str, objective: str
) -> tuple[Tensor, Tensor]:
    """Feature maps [n, C, H, W] -> (nll [n], places [n, H, W]); places sum to the nll (before any log1p)."""
    z, log_det = flow(features)
    pooled = pool(z, pooling)
    channels, height, width = flow.shape
    members = height * width * channels // pooled.shape[1]
    pull = spread(gaussian.solve(pooled - gaussian.mean), flow.shape, pooling)
    centred = z - spread(gaussian.mean[None], flow.shape, pooling)
    places = 0.5 / members * (centred * pull).sum(1) - log_det
    if objective == "density":
        remainder = z - spread(pooled, flow.shape, pooling)
        # orthonormal coordinates of the pooled part are √members · u
        constant = 0.5 * gaussian.log_det() + 0.5 * pooled.shape[1] * math.log(members)
        constant = constant + 0.5 * z[0].numel() * math.log(2 * math.pi)
        places = places + 0.5 * remainder.square().sum(1) - flow.affine_log_det() + constant / (height * width)
        places = places / z[0].numel()
    nll = places.sum(dim=(1, 2))
    if objective == "published-log1p":
        nll = torch.log1p(nll.clamp_min(0))
    return nll, places
