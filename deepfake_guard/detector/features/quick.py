"""How a CPU runs a folded network fastest: a few pictures at a time, and lite0's activations inside its convolutions.

Measured in docs/decisions/0038-activations-inside-convolutions.md.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ..device import FEW
from .lite0_net import Inverted, Lite0, SameConv

After = tuple[str, list[float], str]  # what oneDNN does to each value before it is stored
RELU6: After = ("hardtanh", [0.0, 6.0], "")
NOTHING: After = ("none", [], "")


class InParts(nn.Module):
    """A network of maps [n, C, h, w] that on a CPU never sees more than FEW pictures together."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> list[Tensor]:
        """As the network itself."""
        if x.device.type != "cpu" or len(x) <= FEW or torch.compiler.is_compiling():
            whole: list[Tensor] = self.net(x)
            return whole
        parts = [self.net(part) for part in torch.split(x, FEW)]
        return [torch.cat(maps) for maps in zip(*parts, strict=True)]


class FusedLite0(nn.Module):
    """lite0 whose norms are folded already. Each map is written once, where ReLU6 and adding what came in would each
    read and write it again. Where that cannot be done it runs as it is."""

    def __init__(self, net: Lite0) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> list[Tensor]:
        """As `Lite0.forward`."""
        if not _fusible(x):
            whole: list[Tensor] = self.net(x)
            return whole
        x, maps = _convolved(self.net.conv_stem, x, RELU6), []
        for at, group in enumerate(self.net.blocks):
            for block in group.children():
                x = _inverted(block, x) if isinstance(block, Inverted) else _separable(block, x)
            if at in self.net.reached:
                maps.append(x)
        return maps


def _fusible(x: Tensor) -> bool:
    """oneDNN's fused kinds know single precision alone, neither gradients nor autocast; measured on x86."""
    plain = x.dtype == torch.float32 and not x.requires_grad and not torch.is_autocast_enabled("cpu")
    return x.device.type == "cpu" and plain and _has_onednn() and not torch.compiler.is_compiling()


def _has_onednn() -> bool:
    built: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    x86 = torch.backends.cpu.get_cpu_capability().startswith("AVX")
    return built and x86 and hasattr(torch.ops.mkldnn, "_convolution_pointwise")


def _separable(block: Any, x: Tensor) -> Tensor:
    return _convolved(block.conv_pw, _convolved(block.conv_dw, x, RELU6), NOTHING)


def _inverted(block: Inverted, x: Tensor) -> Tensor:
    wide = _convolved(block.conv_dw, _convolved(block.conv_pw, x, RELU6), RELU6)
    last = block.conv_pwl
    if not block.added:
        return _convolved(last, wide, NOTHING)
    sides = [0, 0], [1, 1], [1, 1], 1  # padding, stride, dilation, groups
    added: Tensor = torch.ops.mkldnn._convolution_pointwise.binary(
        wide, x, last.weight, last.bias, *sides, "add", 1.0, None, [], None
    )
    return added


def _convolved(conv: SameConv, x: Tensor, then: After) -> Tensor:
    padding, wanted = conv.window(x)
    y: Tensor = torch.ops.mkldnn._convolution_pointwise(
        x, conv.weight, conv.bias, padding, list(conv.stride), [1, 1], conv.groups, *then
    )
    return y[wanted] if wanted else y
