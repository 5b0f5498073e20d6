"""FastFlow: an invertible map of one feature map, with its log-determinant place by place.

METHOD stage B (µFlow, arXiv 2606.30528; FastFlow, arXiv 2111.07677): a LayerNorm over [C, H, W] with affine, then
affine coupling steps with convolutional subnets, a learned scale and offset per channel and a fixed permutation.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CLAMP = 2.0
SUBNET_SCALE = 0.1
GLOBAL_SCALE, GLOBAL_BETA = 0.1, 0.5


class Coupling(nn.Module):
    """One coupling step on [n, C, H, W], C >= 2: the first C - C//2 channels move the others.

    The subnet sees a neighbourhood of `kernel` pixels; the map stays triangular in the channels, so the log-determinant
    is a sum over places.
    """

    permutation: Tensor
    restore: Tensor

    def __init__(self, channels: int, kernel: int, generator: torch.Generator) -> None:
        super().__init__()
        self.moved = channels // 2
        self.kept = channels - self.moved
        self.subnet = nn.Sequential(
            nn.Conv2d(self.kept, self.kept, kernel, padding="same"),
            nn.ReLU(),
            nn.Conv2d(self.kept, 2 * self.moved, kernel, padding="same"),
        )
        started_at_one = torch.tensor(1.0 / GLOBAL_SCALE * GLOBAL_BETA).expm1().log() / GLOBAL_BETA
        self.global_scale = nn.Parameter(torch.full((channels, 1, 1), float(started_at_one)))
        self.offset = nn.Parameter(torch.zeros(channels, 1, 1))
        permutation = torch.randperm(channels, generator=generator)
        self.register_buffer("permutation", permutation)
        self.register_buffer("restore", torch.argsort(permutation))

    def _scale(self) -> Tensor:
        return GLOBAL_SCALE * F.softplus(self.global_scale, beta=GLOBAL_BETA)

    def _log_scale_and_shift(self, kept: Tensor) -> tuple[Tensor, Tensor]:
        raw = SUBNET_SCALE * self.subnet(kept)
        return CLAMP * torch.tanh(raw[:, : self.moved]), raw[:, self.moved :]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """[n, C, H, W] -> the same shape, and log|det J| per place [n, H, W]."""
        kept, moved = x[:, : self.kept], x[:, self.kept :]
        log_scale, shift = self._log_scale_and_shift(kept)
        scale = self._scale()
        y = torch.cat([kept, moved * log_scale.exp() + shift], dim=1) * scale + self.offset
        return y.index_select(1, self.permutation), log_scale.sum(1) + scale.log().sum()

    def inverse(self, y: Tensor) -> Tensor:
        """Undo `forward`."""
        x = (y.index_select(1, self.restore) - self.offset) / self._scale()
        kept, moved = x[:, : self.kept], x[:, self.kept :]
        log_scale, shift = self._log_scale_and_shift(kept)
        return torch.cat([kept, (moved - shift) * torch.exp(-log_scale)], dim=1)


class FastFlow(nn.Module):
    """The flow of one layer, on maps of one fixed shape (C, H, W); odd steps look at single pixels."""

    def __init__(self, shape: tuple[int, int, int], steps: int, seed: int) -> None:
        super().__init__()
        self.shape = shape
        self.norm = nn.LayerNorm(shape)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            generator = torch.Generator().manual_seed(seed)
            couplings = [Coupling(shape[0], 1 if step % 2 else 3, generator) for step in range(steps)]
        self.couplings = nn.ModuleList(couplings)

    def standardise(self, x: Tensor) -> Tensor:
        """The fixed half of the LayerNorm: every picture's map to mean 0 and variance 1."""
        return F.layer_norm(x, self.shape, eps=self.norm.eps)

    def transform(self, standardised: Tensor) -> tuple[Tensor, Tensor]:
        """The trained, invertible half: standardised maps [n, C, H, W] -> z, and the couplings' log|det| [n, H, W].

        The LayerNorm's affine is part of the map; its own log-determinant is `affine_log_det`.
        """
        z = standardised * self.norm.weight + self.norm.bias
        log_det = z.new_zeros(z.shape[0], *z.shape[2:])
        for coupling in self.couplings:
            z, step = coupling(z)
            log_det = log_det + step
        return z, log_det

    def affine_log_det(self) -> Tensor:
        """log|det| of the LayerNorm's affine, per place [H, W]."""
        return self.norm.weight.abs().clamp_min(1e-12).log().sum(0)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Feature maps [n, C, H, W] -> z [n, C, H, W] and the couplings' log|det| per place [n, H, W]."""
        return self.transform(self.standardise(x))

    def inverse(self, z: Tensor) -> Tensor:
        """z -> the standardised maps that `transform` sends there."""
        for coupling in reversed(self.couplings):
            assert isinstance(coupling, Coupling)  # noqa: S101 - for the type checker
            z = coupling.inverse(z)
        return (z - self.norm.bias) / self.norm.weight
