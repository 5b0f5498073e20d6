"""Input v2 (method.md, "Variants in the published code"): native patches of a picture, without resizing it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

Corners = NDArray[np.int64]

MOST = 256  # a manifest must not be able to ask for any amount of time


@dataclass(frozen=True, slots=True)
class Patches:
    """count: how many are scored, at the same places of every picture, drawn by `seed`; train: how many random ones of
    each training picture. top: the score is the mean of the k patches that deviate most from what is typical of genuine
    patches, of all for 0."""

    count: int = 16
    seed: int = 42
    train: int = 4
    top: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.count <= MOST or self.train < 1 or not 0 <= self.top <= self.count:
            raise ValueError(f"1 to {MOST} patches, and at most {self.count} that deviate most, got {self}")

    def corners(self, height: int, width: int, side: int) -> Corners:
        """(top, left) of the fixed patches, [count, 2], the same for one size of picture."""
        return draw(self.count, height, width, side, np.random.default_rng(self.seed))


def draw(count: int, height: int, width: int, side: int, rng: np.random.Generator) -> Corners:
    """(top, left) of random patches, [count, 2]; raises ValueError when the picture is smaller than one."""
    if min(height, width) < side:
        raise ValueError(f"a picture of {width} × {height} px holds no patch of {side} px: nothing is resized here")
    return np.stack([rng.integers(0, height - side + 1, count), rng.integers(0, width - side + 1, count)], axis=1)


def cut(pixels: Tensor, corners: Corners, side: int) -> Tensor:
    """[n, 3, h, w] -> [n · count, 3, side, side], the patches of one picture side by side."""
    parts = [pixels[:, :, top : top + side, left : left + side] for top, left in corners.tolist()]
    return torch.stack(parts, dim=1).flatten(0, 1)


def most_deviant(totals: Tensor, typical: Tensor, top: int) -> Tensor:
    """Scores of the patches [n, count] -> each one's share in its picture's score [n, count], rows sum to 1."""
    if top == 0:
        return torch.full_like(totals, 1 / totals.shape[1])
    chosen = (totals - typical).abs().topk(top, dim=1).indices
    return torch.zeros_like(totals).scatter(1, chosen, 1 / top)


def assemble(places: Tensor, corners: Corners, side: int, size: tuple[int, int]) -> Tensor:
    """Maps of the patches [n, count, H, W] -> one [n, H, W] that spans a picture of `size` (height, width).

    Where patches overlap, their mean; where none is, the mean of what is covered.
    """
    height, width = places.shape[2:]
    scale = height / side
    rows, columns = (max(height, round(extent * scale)) for extent in size)
    sums, covered = places.new_zeros(len(places), rows, columns), places.new_zeros(rows, columns)
    for at, (top, left) in enumerate(_on_grid(corners, scale, rows - height, columns - width)):
        sums[:, top : top + height, left : left + width] += places[:, at]
        covered[top : top + height, left : left + width] += 1
    whole = torch.where(covered > 0, sums / covered.clamp_min(1), 0)
    mean = whole.sum((1, 2), keepdim=True) / (covered > 0).sum()
    whole = torch.where(covered > 0, whole, mean)
    return F.interpolate(whole[:, None], (height, width), mode="bilinear", align_corners=False, antialias=True)[:, 0]


def _on_grid(corners: Corners, scale: float, last_row: int, last_column: int) -> Sequence[tuple[int, int]]:
    return [(min(last_row, round(top * scale)), min(last_column, round(left * scale))) for top, left in corners]
