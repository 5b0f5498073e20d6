"""The flow as it is trained, inverted and exported; `fused` is the same map for scoring alone.

Stage B (method.md; µFlow, arXiv 2606.30528; FastFlow, arXiv 2111.07677): a LayerNorm over [C, H, W] with affine, then
affine coupling steps with convolutional subnets, a learned scale and offset per channel and a fixed permutation.
State and log-determinants stay in single precision at least, whatever an autocast does to the convolutions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

KERNELS = ("3", "3|1")
MOST_STEPS, WIDEST_HIDDEN = 64, 8.0  # a manifest must not be able to ask for any amount of memory
SUBNET_SCALE = 0.1
GLOBAL_SCALE, GLOBAL_BETA = 0.1, 0.5


@dataclass(frozen=True, slots=True)
class FlowSettings:
    """Every published switch.

    kernels: "3" in every step as published, or "3|1": odd steps look at single pixels. hidden: channels inside a subnet
    as a share of what it reads. clamp: the largest |log-scale| of a step. layer_norm: normalise each picture's map
    first. global_affine: a learned scale and offset per channel after each step. permute: shuffle the channels, fixed.
    """

    steps: int = 8
    kernels: str = "3|1"
    hidden: float = 1.0
    clamp: float = 2.0
    layer_norm: bool = True
    global_affine: bool = True
    permute: bool = True

    def __post_init__(self) -> None:
        if self.kernels not in KERNELS:
            raise ValueError(f"unknown kernels {self.kernels!r}: use one of {', '.join(KERNELS)}")
        if not (1 <= self.steps <= MOST_STEPS and 0 < self.hidden <= WIDEST_HIDDEN and self.clamp > 0):
            raise ValueError(
                f"steps, hidden and clamp are positive, the first at most {MOST_STEPS}, the second at most "
                f"{WIDEST_HIDDEN:g}, got {self.steps}, {self.hidden}, {self.clamp}"
            )

    def kernel(self, step: int) -> int:
        """Side of the neighbourhood that this step's subnet looks at."""
        return 1 if self.kernels == "3|1" and step % 2 else 3


class Coupling(nn.Module):
    """One coupling step on [n, C, H, W], C >= 2: the first C - C//2 channels move the others.

    The subnet sees a neighbourhood of `kernel` pixels; the map stays triangular in the channels, so the log-determinant
    is a sum over places.
    """

    permutation: Tensor
    restore: Tensor
    global_scale: nn.Parameter | None
    offset: nn.Parameter | None

    def __init__(self, channels: int, kernel: int, generator: torch.Generator, settings: FlowSettings) -> None:
        super().__init__()
        self.moved = channels // 2
        self.kept = channels - self.moved
        self.clamp = settings.clamp
        hidden = max(1, int(self.kept * settings.hidden))
        self.subnet = nn.Sequential(
            nn.Conv2d(self.kept, hidden, kernel, padding="same"),
            nn.ReLU(),
            nn.Conv2d(hidden, 2 * self.moved, kernel, padding="same"),
        )
        if settings.global_affine:
            started_at_one = torch.tensor(1.0 / GLOBAL_SCALE * GLOBAL_BETA).expm1().log() / GLOBAL_BETA
            self.global_scale = nn.Parameter(torch.full((channels, 1, 1), float(started_at_one)))
            self.offset = nn.Parameter(torch.zeros(channels, 1, 1))
        else:
            self.global_scale = self.offset = None
        order = torch.randperm(channels, generator=generator) if settings.permute else torch.arange(channels)
        self.register_buffer("permutation", order)
        self.register_buffer("restore", torch.argsort(order))

    def convolutions(self) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """(weight, bias) of the subnet's first and second convolution."""
        first, second = (dict(self.subnet[at].named_parameters()) for at in (0, 2))
        return (first["weight"], first["bias"]), (second["weight"], second["bias"])

    def affine(self) -> tuple[Tensor, Tensor] | None:
        """The scale (positive) and the offset of each channel [C, 1, 1], or None where there is none."""
        if self.global_scale is None or self.offset is None:
            return None
        return GLOBAL_SCALE * F.softplus(self.global_scale, beta=GLOBAL_BETA), self.offset

    def _log_scale_and_shift(self, kept: Tensor) -> tuple[Tensor, Tensor]:
        raw = SUBNET_SCALE * self.subnet(kept).to(kept.dtype)
        return self.clamp * torch.tanh(raw[:, : self.moved]), raw[:, self.moved :]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """[n, C, H, W] -> the same shape, and log|det J| per place [n, H, W]."""
        kept, moved = x[:, : self.kept], x[:, self.kept :]
        log_scale, shift = self._log_scale_and_shift(kept)
        y, log_det = torch.cat([kept, moved * log_scale.exp() + shift], dim=1), log_scale.sum(1)
        if (affine := self.affine()) is not None:
            y, log_det = y * affine[0] + affine[1], log_det + affine[0].log().sum()
        return y.index_select(1, self.permutation), log_det

    def inverse(self, y: Tensor) -> Tensor:
        """Undo `forward`."""
        x = y.index_select(1, self.restore)
        if (affine := self.affine()) is not None:
            x = (x - affine[1]) / affine[0]
        kept, moved = x[:, : self.kept], x[:, self.kept :]
        log_scale, shift = self._log_scale_and_shift(kept)
        return torch.cat([kept, (moved - shift) * torch.exp(-log_scale)], dim=1)


class FastFlow(nn.Module):
    """The flow of one layer, on maps of one fixed shape (C, H, W); `settings` may be a number of steps alone."""

    norm: nn.LayerNorm | None

    def __init__(self, shape: tuple[int, int, int], settings: FlowSettings | int, seed: int) -> None:
        super().__init__()
        self.shape = shape
        self.quick: Any = None  # what `fused` keeps
        self.settings = settings if isinstance(settings, FlowSettings) else FlowSettings(settings)
        self.norm = nn.LayerNorm(shape) if self.settings.layer_norm else None
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            generator = torch.Generator().manual_seed(seed)
            couplings = [
                Coupling(shape[0], self.settings.kernel(step), generator, self.settings)
                for step in range(self.settings.steps)
            ]
        self.couplings = nn.ModuleList(couplings)

    def steps(self) -> list[Coupling]:
        """The couplings, typed."""
        return [coupling for coupling in self.couplings if isinstance(coupling, Coupling)]

    def standardise(self, x: Tensor) -> Tensor:
        """The fixed half of the LayerNorm: every picture's map to mean 0 and variance 1, in single precision at least.

        Without a LayerNorm, maps stay as they are."""
        x = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
        return x if self.norm is None else F.layer_norm(x, self.shape, eps=self.norm.eps)

    def transform(self, standardised: Tensor) -> tuple[Tensor, Tensor]:
        """The trained, invertible half: standardised maps [n, C, H, W] -> z, and the couplings' log|det| [n, H, W].

        The LayerNorm's affine is part of the map; its own log-determinant is `affine_log_det`.
        """
        z = standardised if self.norm is None else standardised * self.norm.weight + self.norm.bias
        log_det = z.new_zeros(z.shape[0], *z.shape[2:])
        for coupling in self.couplings:
            z, step = coupling(z)
            log_det = log_det + step
        return z, log_det

    def affine_log_det(self) -> Tensor:
        """log|det| of the LayerNorm's affine, per place [H, W]."""
        if self.norm is None:
            return next(self.parameters()).new_zeros(self.shape[1:])
        return self.norm.weight.abs().clamp_min(1e-12).log().sum(0)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Feature maps [n, C, H, W] -> z [n, C, H, W] and the couplings' log|det| per place [n, H, W]."""
        return self.transform(self.standardise(x))

    def inverse(self, z: Tensor) -> Tensor:
        """z -> the standardised maps that `transform` sends there."""
        for coupling in reversed(self.steps()):
            z = coupling.inverse(z)
        return z if self.norm is None else (z - self.norm.bias) / self.norm.weight
