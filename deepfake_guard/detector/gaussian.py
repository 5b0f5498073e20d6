"""The Gaussian of average images: its fit, and the Mahalanobis distance through a factor made once.

METHOD stage A with its one mixture component, for which EM is the sample mean and covariance; `reg_covar` is added to
the diagonal and escalates until the covariance is positive definite.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

REG_COVAR = (1e-6, 1e-4, 1e-2, 1e-1, 1.0)
POOLINGS = ("mean", "flatten")


def pool(maps: Tensor, pooling: str) -> Tensor:
    """[n, C, H, W] -> [n, d]: "mean" over all places (d = C), "flatten" over the width (d = C·H)."""
    if pooling == "mean":
        return maps.mean(dim=(2, 3))
    if pooling == "flatten":
        return maps.mean(dim=3).flatten(1)
    raise ValueError(f"unknown pooling {pooling!r}: use one of {', '.join(POOLINGS)}")


def spread(pooled: Tensor, shape: tuple[int, int, int], pooling: str) -> Tensor:
    """[n, d] -> [n, C, H, W] or a shape that broadcasts to it: every place gets its pool's value."""
    channels, height, _ = shape
    return pooled.view(-1, channels, height if pooling == "flatten" else 1, 1)


def pooled_width(shape: tuple[int, int, int], pooling: str) -> int:
    """d, the length of what `pool` gives."""
    return shape[0] * (shape[1] if pooling == "flatten" else 1)


class Gaussian(nn.Module):
    """N(mean, V diag(variance) Vᵀ + reg·I) in d dimensions, V [d, r] orthonormal, r <= min(d, N - 1).

    N averages span at most N - 1 directions, so the factor is kept in its low-rank form.
    """

    mean: Tensor
    basis: Tensor
    variance: Tensor
    reg: Tensor

    def __init__(self, mean: Tensor, basis: Tensor, variance: Tensor, reg: Tensor) -> None:
        super().__init__()
        for name, value in (("mean", mean), ("basis", basis), ("variance", variance), ("reg", reg)):
            self.register_buffer(name, value)

    @classmethod
    def blank(cls, width: int, rank: int) -> Gaussian:
        """An unfilled one of d = width, for loading into."""
        return cls(torch.zeros(width), torch.zeros(width, rank), torch.ones(rank), torch.ones(()))

    @classmethod
    def fit(cls, averages: Tensor) -> Gaussian:
        """From pooled average images [N, d], N >= 2, in float64; kept as float32.

        Raises ValueError when no regularisation of the ladder makes the covariance positive definite.
        """
        samples = averages.double()
        mean = samples.mean(0)
        centred = samples - mean
        covariance = centred.T @ centred / len(samples)
        identity = torch.eye(len(mean), dtype=torch.float64)
        for reg in REG_COVAR:
            if int(torch.linalg.cholesky_ex(covariance + reg * identity).info) == 0:
                break
        else:
            raise ValueError("the covariance of the average images is not positive definite at any regularisation")
        _, singular, directions = torch.linalg.svd(centred, full_matrices=False)
        rank = min(len(samples) - 1, len(mean))
        variance = singular[:rank].square() / len(samples)
        basis = directions[:rank].T.contiguous()
        return cls(mean.float(), basis.float(), variance.float(), torch.tensor(reg, dtype=torch.float32))

    def solve(self, centred: Tensor) -> Tensor:
        """Σ⁻¹ x for x = u - mean, both [n, d]."""
        along = centred @ self.basis
        result = (along / (self.variance + self.reg)) @ self.basis.T
        if self.basis.shape[1] < self.basis.shape[0]:
            result = result + (centred - along @ self.basis.T) / self.reg
        return result

    def mahalanobis(self, pooled: Tensor) -> Tensor:
        """(u - µ)ᵀ Σ⁻¹ (u - µ) for u [n, d] -> [n], never negative."""
        centred = pooled - self.mean
        along = centred @ self.basis
        squared = (along.square() / (self.variance + self.reg)).sum(1)
        if self.basis.shape[1] < self.basis.shape[0]:
            squared = squared + (centred - along @ self.basis.T).square().sum(1) / self.reg
        return squared

    def log_det(self) -> Tensor:
        """log|Σ|, a scalar."""
        width, rank = self.basis.shape
        return (self.variance + self.reg).log().sum() + (width - rank) * self.reg.log()

    def negative_log_density(self, pooled: Tensor) -> Tensor:
        """-log N(u; µ, Σ) in nats for u [n, d] -> [n]."""
        width = self.basis.shape[0]
        return 0.5 * (self.mahalanobis(pooled) + self.log_det() + width * math.log(2 * math.pi))
