"""EfficientNet-lite0 itself, the network that artefacts carry: loading one imports neither timm nor torchvision.

Tan & Le, arXiv 1905.11946, in its "lite" form: ReLU6, no squeeze-and-excitation. Names, order of the parameters and
arithmetic are those of timm's `tf_efficientnet_lite0`; a test holds the two together.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch.nn.functional as F
from torch import Tensor, nn

STEM = 32
EPSILON = 1e-3  # of the batch norms, as in TensorFlow
# kernel, stride of the first block, expansion, channels, blocks
GROUPS = (
    (3, 1, 1, 16, 1), (3, 2, 6, 24, 2), (5, 2, 6, 40, 2), (3, 2, 6, 80, 3), (5, 1, 6, 112, 3), (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)  # fmt: skip
REACHED = (0, 1, 2, 4, 6)  # the last group at stride 2, 4, 8, 16, 32: stage 0 to 4


class SameConv(nn.Conv2d):
    """Padded as in TensorFlow: an odd pixel of padding goes to the right and below."""

    def __init__(self, inner: int, outer: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        padding = kernel // 2 if stride == 1 else 0
        super().__init__(inner, outer, kernel, stride, padding, groups=groups, bias=False)
        nn.init.normal_(self.weight, 0.0, math.sqrt(2 * groups / (kernel * kernel * outer)))

    def forward(self, x: Tensor) -> Tensor:
        """[n, C, h, w] -> [n, D, ceil(h / stride), ceil(w / stride)]."""
        padding, wanted = self.window(x)
        y = F.conv2d(x, self.weight, self.bias, self.stride, padding, groups=self.groups)
        return y[wanted] if wanted else y

    def window(self, x: Tensor) -> tuple[list[int], tuple[slice, ...]]:
        """How an input is padded on both sides, and what of the result is wanted; () for all of it."""
        if self.stride[0] == 1:
            return [self.kernel_size[0] // 2] * 2, ()
        rows, columns = (self._window(int(size)) for size in x.shape[2:])
        every = slice(None)
        return [rows[0], columns[0]], (every, every, slice(*rows[1:]), slice(*columns[1:]))

    def _window(self, size: int) -> tuple[int, int, int]:
        """Padding on both sides, and where what is wanted begins and ends. Where the padding is odd, one whole step too
        much goes to both sides and the first place is dropped: cheaper than a padded copy."""
        stride, count = self.stride[0], -(-size // self.stride[0])
        missing = max((count - 1) * stride + self.kernel_size[0] - size, 0)
        begin = missing % 2
        return missing // 2 + begin * stride, begin, begin + count


class Separable(nn.Module):
    """The first block: a depthwise convolution and a projection."""

    def __init__(self, inner: int, outer: int, kernel: int) -> None:
        super().__init__()
        self.conv_dw = SameConv(inner, inner, kernel, groups=inner)
        self.bn1 = nn.BatchNorm2d(inner, EPSILON)
        self.conv_pw = SameConv(inner, outer, 1)
        self.bn2 = nn.BatchNorm2d(outer, EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        """[n, C, h, w] -> [n, D, h, w]."""
        shaped: Tensor = self.bn2(self.conv_pw(F.relu6(self.bn1(self.conv_dw(x)), inplace=True)))
        return shaped


class Inverted(nn.Module):
    """Expansion, depthwise convolution, projection; what came in is added where shapes allow."""

    def __init__(self, inner: int, outer: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inner * expansion
        self.added = stride == 1 and inner == outer
        self.conv_pw = SameConv(inner, wide, 1)
        self.bn1 = nn.BatchNorm2d(wide, EPSILON)
        self.conv_dw = SameConv(wide, wide, kernel, stride, groups=wide)
        self.bn2 = nn.BatchNorm2d(wide, EPSILON)
        self.conv_pwl = SameConv(wide, outer, 1)
        self.bn3 = nn.BatchNorm2d(outer, EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        """[n, C, h, w] -> [n, D, h / stride, w / stride]."""
        y = F.relu6(self.bn1(self.conv_pw(x)), inplace=True)
        y = F.relu6(self.bn2(self.conv_dw(y)), inplace=True)
        shaped: Tensor = self.bn3(self.conv_pwl(y))
        return shaped + x if self.added else shaped


class Lite0(nn.Module):
    """Pixels under lite0's normalisation [n, 3, h, w] -> the maps of `stages` (0 to 4), cut after the last of them."""

    def __init__(self, stages: Sequence[int]) -> None:
        super().__init__()
        if not stages or not set(stages) <= set(range(len(REACHED))):
            raise ValueError(f"lite0 has the stages 0 to {len(REACHED) - 1}, got {list(stages)}")
        self.reached = {REACHED[stage] for stage in stages}
        self.channels = tuple(GROUPS[group][3] for group in sorted(self.reached))
        self.strides = tuple(2 ** (stage + 1) for stage in sorted(set(stages)))
        self.conv_stem = SameConv(3, STEM, 3, stride=2)
        self.bn1 = nn.BatchNorm2d(STEM, EPSILON)
        self.blocks = nn.Sequential(*_groups(max(self.reached)))

    def forward(self, x: Tensor) -> list[Tensor]:
        """One map [n, C, h/s, w/s] per stage, by ascending stride."""
        x = F.relu6(self.bn1(self.conv_stem(x)), inplace=True)
        maps = []
        for at, group in enumerate(self.blocks):
            x = group(x)
            if at in self.reached:
                maps.append(x)
        return maps


def _groups(last: int) -> Iterator[nn.Sequential]:
    inner = STEM
    for kernel, stride, expansion, outer, count in GROUPS[: last + 1]:
        blocks: list[nn.Module] = []
        for at in range(count):
            first = stride if at == 0 else 1
            blocks.append(
                Separable(inner, outer, kernel) if expansion == 1 else Inverted(inner, outer, kernel, first, expansion)
            )
            inner = outer
        yield nn.Sequential(*blocks)
