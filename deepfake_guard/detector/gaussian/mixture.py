"""A Gaussian mixture of average images (method.md, stage A) with more than one component."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .expectation import Fitted, expectation_maximisation, start_by_k_means
from .factor import NOT_DEFINITE, REG_COVAR, Gaussian
from .span import DUAL_ABOVE, Span, smallest_reg

_BESIDE_REG = 1e-7  # a variance this small a share of reg changes no float32 sum with it


class Mixture(nn.Module):
    """Σ_k weights_k N(mean_k, Σ_k) in d dimensions; every Σ_k in the factored form of `Gaussian`, with one `reg`."""

    weights: Tensor

    def __init__(self, weights: Tensor, components: Sequence[Gaussian]) -> None:
        super().__init__()
        self.register_buffer("weights", weights)
        self.components = nn.ModuleList(components)

    @classmethod
    def blank(cls, width: int, ranks: Sequence[int]) -> Mixture:
        """An unfilled one of d = width with as many components as ranks, for loading into."""
        return cls(torch.ones(len(ranks)), [Gaussian.blank(width, rank) for rank in ranks])

    @classmethod
    def fit(
        cls,
        averages: Tensor,
        components: int,
        seed: int = 0,
        *,
        responsibilities: Tensor | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> Mixture:
        """M = `components` from pooled average images [N, d], N >= max(2, M), in float64; kept as `dtype`.

        EM starts from `responsibilities` [N, M], by default those of k-means with this seed (needs scikit-learn), and
        again at the next `reg` of the ladder when a covariance stops being positive definite. One component is
        `Gaussian.fit`.
        Raises ValueError when no step of the ladder is enough, or for fewer averages than components.
        """
        if not 1 <= components <= len(averages):
            raise ValueError(f"{len(averages)} average images cannot be {components} components")
        if components == 1:
            return cls(torch.ones(1, dtype=dtype), [Gaussian.fit(averages, dtype)])
        width = averages.shape[1]
        span = Span.of(averages) if width > DUAL_ABOVE else None
        samples = averages.double() if span is None else span.coordinates
        if responsibilities is None:
            responsibilities = start_by_k_means(samples, components, seed)
        fitted, reg = _escalate(samples, responsibilities.to(samples), width)
        parts = [
            _part(mean, covariance, reg, span, dtype)
            for mean, covariance in zip(fitted.means, fitted.covariances, strict=True)
        ]
        return cls(fitted.weights.to(dtype), parts)

    def parts(self) -> list[Gaussian]:
        """The components, typed."""
        return [part for part in self.components if isinstance(part, Gaussian)]

    def log_joint(self, pooled: Tensor) -> Tensor:
        """log(weight · density) of u [n, d] under each component -> [n, M], in nats."""
        densities = torch.stack([-part.negative_log_density(pooled) for part in self.parts()], dim=1)
        return densities + self.weights.log()

    def negative_log_density(self, pooled: Tensor) -> Tensor:
        """-log Σ_k weights_k N(u; µ_k, Σ_k) in nats for u [n, d] -> [n]; differentiable in u."""
        return -self.log_joint(pooled).logsumexp(1)

    def responsibilities(self, pooled: Tensor) -> Tensor:
        """Each component's share in the density at u [n, d] -> [n, M], rows sum to 1."""
        return self.log_joint(pooled).softmax(1)

    def pull(self, pooled: Tensor) -> Tensor:
        """The gradient of `negative_log_density` in closed form, [n, d]: Σ_k share_k Σ_k⁻¹ (u - µ_k)."""
        shares = self.responsibilities(pooled)
        pulls = torch.stack([part.pull(pooled)[0] for part in self.parts()], dim=1)
        return (shares[:, :, None] * pulls).sum(1)


def _escalate(samples: Tensor, responsibilities: Tensor, width: int) -> tuple[Fitted, float]:
    for reg in REG_COVAR:
        fitted = expectation_maximisation(samples, responsibilities, reg)
        if fitted is None or (width > DUAL_ABOVE and reg <= smallest_reg(_largest(fitted.covariances), width)):
            continue
        if not fitted.converged:
            warnings.warn(
                f"the mixture had not settled after {fitted.iterations} iterations", RuntimeWarning, stacklevel=3
            )
        return fitted, reg
    raise ValueError(NOT_DEFINITE)


def _largest(covariances: Tensor) -> float:
    return float(torch.linalg.eigvalsh(covariances).max())


def _part(mean: Tensor, covariance: Tensor, reg: float, span: Span | None, dtype: torch.dtype) -> Gaussian:
    """One component, back from the span's coordinates, without directions in which only reg counts."""
    variance, basis = torch.linalg.eigh(covariance)
    kept = variance > _BESIDE_REG * reg
    variance, basis = variance[kept].flip(0), basis[:, kept].flip(1)
    if span is not None:
        mean, basis = span.origin + span.axes @ mean, span.axes @ basis
    return Gaussian(mean.to(dtype), basis.to(dtype).contiguous(), variance.to(dtype), torch.tensor(reg, dtype=dtype))
