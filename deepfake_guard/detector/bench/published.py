"""The published arithmetic, written for this comparison from method.md: what ours is measured against.

Same weights, same numbers (a test says so), but: the covariance is inverted in every call, channels are permuted by a
convolution with a C x C matrix, the global affine and the subnet's scale are applied where they are defined, and the
backbone runs as timm gives it, batch norms and all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ..features import Backbone
from ..flow import Coupling
from ..gaussian import Gaussian, pool
from ..signals.muflow import Layer, MuFlow


def plain_maps(backbone: Backbone, pixels: Tensor) -> list[Tensor]:
    """The maps of a backbone in which nothing is folded, in torch's usual layout."""
    maps: list[Tensor] = backbone.net((pixels / 255.0 - backbone.mean) / backbone.std)
    return maps


def inference(call: Callable[[Tensor], object]) -> Callable[[Tensor], object]:
    """The same call without gradients."""
    return torch.inference_mode()(call)


class Published:
    """NLL of faces as the method states it, on a µFlow's own weights; keeps Σ and the permutations as matrices."""

    def __init__(self, model: MuFlow) -> None:
        self.model = model
        self.covariances = [_covariance(layer) for layer in model.stages()]
        self.matrices = [[_matrix(coupling) for coupling in layer.flow.steps()] for layer in model.stages()]

    @torch.inference_mode()
    def __call__(self, pixels: Tensor) -> Tensor:
        """uint8 [n, 3, s, s] at the input's size -> mean NLL over layers [n]."""
        maps = plain_maps(self.model.backbone, pixels.to(self.model.device))
        stages = zip(self.model.stages(), maps, self.covariances, self.matrices, strict=True)
        return torch.stack([self._layer(*stage) for stage in stages]).mean(0)

    def _layer(self, layer: Layer, maps: Tensor, covariance: Tensor, matrices: Sequence[Tensor]) -> Tensor:
        norm = layer.flow.norm
        z = maps if norm is None else norm(maps)
        log_det = z.new_zeros(len(z))
        for coupling, matrix in zip(layer.flow.steps(), matrices, strict=True):
            kept, moved = z[:, : coupling.kept], z[:, coupling.kept :]
            raw = 0.1 * coupling.subnet(kept)
            log_scale = coupling.clamp * torch.tanh(raw[:, : coupling.moved])
            z = torch.cat([kept, moved * torch.exp(log_scale) + raw[:, coupling.moved :]], dim=1)
            log_det = log_det + log_scale.sum(dim=(1, 2, 3))
            if (affine := coupling.affine()) is not None:
                z = z * affine[0] + affine[1]
                log_det = log_det + affine[0].log().sum() * z.shape[2] * z.shape[3]
            z = F.conv2d(z, matrix)
        centred = pool(z, self.model.settings.pooling) - _single(layer).mean
        distance: Tensor = ((centred @ torch.linalg.inv(covariance)) * centred).sum(1)
        return 0.5 * distance - log_det


def _single(layer: Layer) -> Gaussian:
    if not isinstance(layer.gaussian, Gaussian):
        raise TypeError("the comparison is written for one component a layer")
    return layer.gaussian


def _covariance(layer: Layer) -> Tensor:
    """Σ whole, [d, d], as scikit-learn's mixture hands it over."""
    gaussian = _single(layer)
    whole = (gaussian.basis * gaussian.variance) @ gaussian.basis.T
    return whole + gaussian.reg * torch.eye(len(whole), dtype=whole.dtype, device=whole.device)


def _matrix(coupling: Coupling) -> Tensor:
    """The permutation as a convolution's weight [C, C, 1, 1]: output channel i is input channel order[i]."""
    order = coupling.permutation
    return F.one_hot(order, len(order)).to(next(coupling.parameters()).dtype)[:, :, None, None]
