"""One Gaussian of average images: its fit, and the Mahalanobis distance through a factor made once.

Stage A (method.md) with its one mixture component, for which EM is the sample mean and covariance; `reg_covar` is
added to the diagonal and escalates until the covariance is positive definite. Above 4,096 dimensions the fit is
made along the directions that the samples span (`span`).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from .span import DUAL_ABOVE, Span, smallest_reg

REG_COVAR = (1e-6, 1e-4, 1e-2, 1e-1, 1.0)
NOT_DEFINITE = "the covariance of the average images is not positive definite at any regularisation"


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
    def fit(cls, averages: Tensor, dtype: torch.dtype = torch.float32) -> Gaussian:
        """From pooled average images [N, d], N >= 2, in float64; kept as `dtype`.

        Raises ValueError when no regularisation of the ladder makes the covariance positive definite.
        """
        width = averages.shape[1]
        if width > DUAL_ABOVE:
            span = Span.of(averages)
            mean, axes, centred = span.origin, span.axes, span.coordinates
        else:
            mean = averages.double().mean(0)
            axes, centred = None, averages.double() - mean
        _, singular, directions = torch.linalg.svd(centred, full_matrices=False)
        rank = min(len(centred) - 1, centred.shape[1])
        variance = singular[:rank].square() / len(centred)
        basis = directions[:rank].T.contiguous()
        reg = _reg(centred) if axes is None else reg_in_span(variance, width)
        if axes is not None:
            basis = axes @ basis
        return cls(mean.to(dtype), basis.to(dtype), variance.to(dtype), torch.tensor(reg, dtype=dtype))

    def pull(self, pooled: Tensor) -> tuple[Tensor, Tensor]:
        """u [n, d] -> Σ⁻¹ (u - µ) [n, d] and (u - µ)ᵀ Σ⁻¹ (u - µ) [n], never negative.

        Few faces cost what reading the factor costs (16 MB of 4,096 x 999): both go through it together, twice in all.
        """
        centred = pooled - self.mean
        along = centred @ self.basis
        weighed = along / (self.variance + self.reg)
        squared = (along * weighed).sum(1)
        if self.basis.shape[1] == self.basis.shape[0]:
            return weighed @ self.basis.T, squared
        solved, within = (torch.cat([weighed, along]) @ self.basis.T).chunk(2)
        rest = centred - within
        return solved + rest / self.reg, squared + rest.square().sum(1) / self.reg

    def mahalanobis(self, pooled: Tensor) -> Tensor:
        """(u - µ)ᵀ Σ⁻¹ (u - µ) for u [n, d] -> [n], never negative."""
        return self.pull(pooled)[1]

    def log_det(self) -> Tensor:
        """log|Σ|, a scalar."""
        width, rank = self.basis.shape
        return (self.variance + self.reg).log().sum() + (width - rank) * self.reg.log()

    def negative_log_density(self, pooled: Tensor) -> Tensor:
        """-log N(u; µ, Σ) in nats for u [n, d] -> [n]."""
        width = self.basis.shape[0]
        return 0.5 * (self.mahalanobis(pooled) + self.log_det() + width * math.log(2 * math.pi))


def reg_in_span(variance: Tensor, width: int) -> float:
    """The first of the ladder that is not lost beside the variances [r] of a covariance of d = width never made."""
    least = smallest_reg(float(variance.max()) if len(variance) else 0.0, width)
    for reg in REG_COVAR:
        if reg > least:
            return reg
    raise ValueError(NOT_DEFINITE)


def _reg(centred: Tensor) -> float:
    """The first of the ladder with which the covariance [d, d] of centred samples [N, d] has a Cholesky factor."""
    covariance = centred.T @ centred / len(centred)
    identity = torch.eye(len(covariance), dtype=torch.float64, device=covariance.device)
    for reg in REG_COVAR:
        if int(torch.linalg.cholesky_ex(covariance + reg * identity).info) == 0:
            return reg
    raise ValueError(NOT_DEFINITE)
