"""The flow for scoring alone: the same map with its constants folded, without gradients.

Point 4 of "What is done otherwise here" (method.md). Folded into the second convolution: the subnet's scale, and of the
global affine what falls on the moved channels. Permutations become the order in which the next step gathers; that also
splits. tanh is taken as 2·sigmoid(2x) - 1, which is cheaper, and most passes work in place on a few pictures at a
time, so that they stay in the CPU's cache. Maps are read channels last where a CPU convolves them faster so, copies
included: neighbourhoods in bfloat16, and of channels that would have to be filled up.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..snapshot import Snapshot
from .fastflow import SUBNET_SCALE, Coupling, FastFlow

AT_ONCE = 2**19  # values of a map worked on together on a CPU: 2 MiB in single precision
LANES = 16  # single-precision values in a vector: a CPU's convolution fills channels up to that, unless they lie last


@dataclass(frozen=True, eq=False, slots=True)
class _Step:
    """order: which channels to gather first, None for as they are. The affine is that of the kept channels."""

    order: Tensor | None
    first: tuple[Tensor, Tensor]
    second: tuple[Tensor, Tensor]
    log_scale: Tensor  # added to 2·clamp·sigmoid: log of the moved channels' global scale, less the clamp
    affine: tuple[Tensor, Tensor] | None


def fused(flow: FastFlow) -> Fused:
    """The flow for scoring; kept on the flow, and made anew when its parameters have changed."""
    if flow.quick is None:
        flow.quick = Snapshot(Fused)
    made: Fused = flow.quick.of(flow)
    return made


class Fused:
    """A flow with its constants folded, as its parameters are now."""

    def __init__(self, flow: FastFlow) -> None:
        with torch.no_grad():
            self.flow = flow
            self.clamp = flow.settings.clamp
            couplings = flow.steps()
            self.kept, self.moved = couplings[0].kept, couplings[0].moved
            permuted = flow.settings.permute
            orders = [None, *(coupling.permutation if permuted else None for coupling in couplings)]
            self.steps = [_fold(coupling, order) for coupling, order in zip(couplings, orders, strict=False)]
            self.last = orders[-1]
            scales = [affine[0].log().sum() for coupling in couplings if (affine := coupling.affine()) is not None]
            self.constant = sum(scales, start=-self.clamp * self.moved * len(couplings))

    @torch.no_grad()
    def __call__(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """As `FastFlow.forward`: maps [n, C, H, W] -> z [n, C, H, W] and the couplings' log|det| [n, H, W]."""
        at_once = max(1, AT_ONCE // x[0].numel()) if len(x) and x.device.type == "cpu" else max(1, len(x))
        parts = [self._few(part) for part in torch.split(x.contiguous(), at_once)]
        return torch.cat([z for z, _ in parts]), torch.cat([log_det for _, log_det in parts])

    def _few(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        x = maps.float() if maps.dtype in (torch.float16, torch.bfloat16) else maps
        norm = self.flow.norm
        x = x.clone() if norm is None else F.layer_norm(x, self.flow.shape, norm.weight, norm.bias, norm.eps)
        other = torch.empty_like(x)
        sums = x.new_zeros(x.shape[0], *x.shape[2:])
        channels_last = x.device.type == "cpu" and (self.kept % LANES != 0 or torch.is_autocast_enabled("cpu"))
        for step in self.steps:
            if step.order is not None:
                torch.index_select(x, 1, step.order, out=other)
                x, other = other, x
            kept, moved = x[:, : self.kept], x[:, self.kept :]
            wide = step.first[0].shape[-1] > 1
            read = kept.contiguous(memory_format=torch.channels_last) if wide and channels_last else kept
            inner = F.conv2d(read, *step.first, padding="same").relu_()
            raw = F.conv2d(inner, *step.second, padding="same").to(x.dtype, memory_format=torch.contiguous_format)
            opening = raw[:, : self.moved].sigmoid_()
            sums += opening.sum(1)
            torch.add(step.log_scale, opening, alpha=2 * self.clamp, out=opening).exp_()
            torch.addcmul(raw[:, self.moved :], moved, opening, out=moved)
            if step.affine is not None:
                kept.mul_(step.affine[0]).add_(step.affine[1])
        z = x if self.last is None else x.index_select(1, self.last)
        return z, sums.mul_(2 * self.clamp).add_(self.constant)


def _fold(coupling: Coupling, order: Tensor | None) -> _Step:
    first, second = coupling.convolutions()
    kept, moved = coupling.kept, coupling.moved
    weight, bias = SUBNET_SCALE * second[0], SUBNET_SCALE * second[1]
    weight[:moved] *= 2  # tanh(x) = 2 sigmoid(2x) - 1
    bias[:moved] *= 2
    log_scale, affine = weight.new_full((moved, 1, 1), -coupling.clamp), coupling.affine()
    if affine is not None:
        scale, offset = affine
        weight[moved:] *= scale[kept:, :, :, None]
        bias[moved:] = bias[moved:] * scale[kept:, 0, 0] + offset[kept:, 0, 0]
        log_scale = log_scale + scale[kept:].log()
        affine = scale[:kept], offset[:kept]
    return _Step(order, first, (weight, bias), log_scale, affine)
