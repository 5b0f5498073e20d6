"""What is minimised and what is scored: the negative log-likelihood of one layer, and its share at every place.

"published": ½ (u - µ*)ᵀ Σ*⁻¹ (u - µ*) - log|det J| with u = pool(z) (method.md, stage B), for a mixture the negative
log density in place of the first term (`places.energy`). It is no density of z: what pooling removes is unconstrained,
so it is unbounded below.
"published-log1p": log(1 + published), as the published code does with `flatten`; clamped at 0, since from -1 down it
has no value: below 0 a layer counts 0 and learns nothing more.
"density": a density of the whole standardised map, in nats per dimension: the average-image Gaussian on the pooled
part, something fixed on what pooling removes, and the LayerNorm's affine counted in the determinant (without it,
shrinking the affine would be free). With means what is removed is orthogonal to them: a unit Gaussian. With `max` it is
how far the other places lie below the maximum: half a unit Gaussian each, the maximum equally often at every place.
With `mean_std` nothing is added: a mean and a deviation bound the whole map, so exp(-energy) has a finite integral,
which the Gaussian alone decides and no training changes, and which is left out. A map's deviations then follow that
Gaussian times the volume of maps that have them. (Directions drawn evenly instead would leave the Gaussian as it is,
and make a constant map, as a dead channel's, infinitely likely.)
All have a finite integral that no training changes (1, but for `mean_std`, whose figures compare with no other's); none
is bounded below: maps on a surface, as a LayerNorm leaves them, can be made ever more likely.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..flow import FastFlow
from ..flow import fused as for_scoring
from ..gaussian import LINEAR_POOLINGS, Gaussian, Mixture, pool, spread
from .places import energy, energy_places, floor

OBJECTIVES = ("published", "published-log1p", "density")


def check_objective(objective: str) -> None:
    """Raises ValueError for an unknown objective."""
    if objective not in OBJECTIVES:
        raise ValueError(f"unknown objective {objective!r}: use one of {', '.join(OBJECTIVES)}")


def layer_nll(
    flow: FastFlow, gaussian: Gaussian | Mixture, features: Tensor, pooling: str, objective: str, *, fused: bool = False
) -> tuple[Tensor, Tensor]:
    """Feature maps [n, C, H, W] -> (nll [n], places [n, H, W]); places sum to the nll (before any log1p).

    fused: through the flow's copy for scoring, which has no gradients. Raises ValueError as `check_objective`.
    """
    check_objective(objective)
    z, log_det = for_scoring(flow)(features) if fused else flow(features)
    with torch.autocast(z.device.type, enabled=False):  # half precision is for convolutions
        pooled = pool(z, pooling)
        places = energy_places(gaussian, z, pooled, pooling, *energy(gaussian, pooled)) - log_det
        if objective == "density":
            places = _completed(places, flow, gaussian, z, pooled, pooling)
        nll = places.sum(dim=(1, 2))
        if objective == "published-log1p":
            nll = torch.log1p(nll.clamp_min(0))
    return nll, places


def _completed(
    places: Tensor, flow: FastFlow, gaussian: Gaussian | Mixture, z: Tensor, pooled: Tensor, pooling: str
) -> Tensor:
    """The published places [n, H, W] -> those of a density of all of z, in nats per dimension."""
    size, width, area = z[0].numel(), pooled.shape[1], flow.shape[1] * flow.shape[2]
    places = places - flow.affine_log_det()
    if pooling in LINEAR_POOLINGS:
        removed = z - spread(pooled, flow.shape, pooling)
        # orthonormal coordinates of the pooled part are √members · u
        rest = 0.5 * width * math.log(size // width) + 0.5 * (size - width) * math.log(2 * math.pi)
    elif pooling == "max":
        removed = pooled[:, :, None, None] - z
        rest = width * math.log(area) + 0.5 * (size - width) * math.log(0.5 * math.pi)
    else:
        return places / size
    return (places + 0.5 * removed.square().sum(1) + (floor(gaussian) + rest) / area) / size
