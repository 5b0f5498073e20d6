"""Expectation-maximisation of a Gaussian mixture with full covariances, step by step as scikit-learn takes them.

Dempster, Laird, Rubin (1977). The first step is a maximisation from given responsibilities; an iteration is then an
expectation and a maximisation, until the mean log-likelihood moves by less than the tolerance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

TOLERANCE, ITERATIONS = 1e-3, 100  # of scikit-learn's GaussianMixture, which the published code leaves as they are
_BESIDE_ZERO = 10 * torch.finfo(torch.float64).eps  # keeps an empty component from dividing by zero


@dataclass(frozen=True, slots=True)
class Fitted:
    """weights [M], means [M, d], covariances [M, d, d] without `reg`; all float64. `iterations` taken."""

    weights: Tensor
    means: Tensor
    covariances: Tensor
    iterations: int
    converged: bool


def expectation_maximisation(samples: Tensor, responsibilities: Tensor, reg: float) -> Fitted | None:
    """Samples float64 [N, d] and the responsibilities [N, M] to start from -> the mixture.

    None when a covariance + reg·I stops being positive definite on the way.
    """
    current, before = _maximise(samples, responsibilities), -math.inf
    iterations, converged = 0, False
    while iterations < ITERATIONS and not converged:
        factors = _factors(current[2], reg)
        if factors is None:
            return None
        joint = _log_joint(samples, current[0], current[1], factors)
        evidence = joint.logsumexp(1)
        current = _maximise(samples, (joint - evidence[:, None]).exp())
        now = float(evidence.mean())
        converged = abs(now - before) < TOLERANCE
        before, iterations = now, iterations + 1
    return None if _factors(current[2], reg) is None else Fitted(*current, iterations, converged)


def start_by_k_means(samples: Tensor, components: int, seed: int) -> Tensor:
    """Responsibilities float64 [N, M], 0 or 1, from scikit-learn's k-means as its GaussianMixture starts.

    Raises ModuleNotFoundError where scikit-learn (the extra `train`) is missing.
    """
    from sklearn.cluster import KMeans  # offline only: the scoring side does not install it

    labels = KMeans(components, n_init=1, random_state=seed).fit(samples.cpu().numpy()).labels_
    one_of = torch.nn.functional.one_hot(torch.from_numpy(labels).long(), components)
    return one_of.to(samples)


def _maximise(samples: Tensor, responsibilities: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    share = responsibilities.sum(0) + _BESIDE_ZERO
    means = responsibilities.T @ samples / share[:, None]
    parts = (responsibilities / share).T
    covariances = [_covariance(samples - mean, part) for mean, part in zip(means, parts, strict=True)]
    return share / share.sum(), means, torch.stack(covariances)


def _covariance(centred: Tensor, part: Tensor) -> Tensor:
    return (centred * part[:, None]).T @ centred


def _factors(covariances: Tensor, reg: float) -> Tensor | None:
    """Lower Cholesky factors [M, d, d], or None where there is none."""
    identity = torch.eye(covariances.shape[-1], dtype=covariances.dtype, device=covariances.device)
    factors, info = torch.linalg.cholesky_ex(covariances + reg * identity)
    return None if bool(info.any()) else factors


def _log_joint(samples: Tensor, weights: Tensor, means: Tensor, factors: Tensor) -> Tensor:
    """log(weight · density) of every sample under every component, [N, M]."""
    columns = []
    for weight, mean, factor in zip(weights, means, factors, strict=True):
        whitened = torch.linalg.solve_triangular(factor, (samples - mean).T, upper=False)
        half_log_det = factor.diagonal().log().sum()
        squared = whitened.square().sum(0) + samples.shape[1] * math.log(2 * math.pi)
        columns.append(weight.log() - 0.5 * squared - half_log_det)
    return torch.stack(columns, dim=1)
