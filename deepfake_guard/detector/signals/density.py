"""A Gaussian of standardised numbers whose covariance is shrunk (Ledoit & Wolf, J. Multivariate Analysis 2004).

The covariance is factored once, when it is fitted; at score time there is one product with a thin basis. numpy alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Single = NDArray[np.float32]


def ledoit_wolf(centred: Floats) -> tuple[Floats, float]:
    """Centred samples [n, d] -> (shrunk covariance [d, d], shrinkage in 0..1 towards the mean variance)."""
    count, width = centred.shape
    covariance = centred.T @ centred / count
    variance = float(np.trace(covariance)) / width
    # ‖S - µI‖² and the mean ‖x xᵀ - S‖² / n, both without forming any x xᵀ
    away = float(np.square(covariance).sum()) - width * variance**2
    fourth = float(np.square(np.square(centred).sum(1)).mean())
    noise = (fourth - float(np.square(covariance).sum())) / count
    shrinkage = 0.0 if away <= 0 else min(1.0, max(0.0, noise / away))
    return (1 - shrinkage) * covariance + shrinkage * variance * np.eye(width), shrinkage


@dataclass(frozen=True, eq=False, slots=True)
class ShrunkGaussian:
    """N(0, V diag(variance) Vᵀ + rest · (I - V Vᵀ)) of (x - mean) / scale.

    mean, scale float32 [d]; basis V float32 [d, r] orthonormal, variance float32 [r]; rest is the mean variance of the
    d - r directions that are not kept (a probabilistic PCA; with r = d nothing is left out).
    """

    mean: Single
    scale: Single
    basis: Single
    variance: Single
    rest: float

    @classmethod
    def fit(cls, samples: NDArray[np.floating[Any]], rank: int | None = None) -> ShrunkGaussian:
        """From samples [n, d], n >= 2; rank: directions kept (None: all d). Raises ValueError for too few, or NaN."""
        if samples.ndim != 2 or len(samples) < 2 or not np.all(np.isfinite(samples)):
            raise ValueError(f"a Gaussian needs at least two finite samples [n, d], got {samples.shape}")
        exact = samples.astype(np.float64)
        mean, scale = exact.mean(0), exact.std(0)
        scale = np.where(scale > 1e-6 * max(1.0, float(scale.max())), scale, 1.0)  # a constant stays constant
        covariance, _ = ledoit_wolf((exact - mean) / scale)
        variance, basis = np.linalg.eigh(covariance)
        kept = min(rank or len(variance), len(variance))
        variance, basis = variance[::-1], basis[:, ::-1]
        floor = 1e-6 * float(variance[0])
        rest = float(variance[kept:].mean()) if kept < len(variance) else float(variance[-1])
        return cls(
            mean.astype(np.float32),
            scale.astype(np.float32),
            np.ascontiguousarray(basis[:, :kept], np.float32),
            np.maximum(variance[:kept], floor).astype(np.float32),
            float(np.float32(max(rest, floor))),  # what an artefact will hold
        )

    def standardise(self, samples: NDArray[np.floating[Any]]) -> Single:
        """[n, d] -> float32 [n, d], each number with mean 0 and deviation 1 among the samples of the fit."""
        return np.asarray((samples - self.mean) / self.scale, dtype=np.float32)

    def distance(self, samples: NDArray[np.floating[Any]]) -> Floats:
        """[n, d] -> the root mean square Mahalanobis distance a dimension, float64 [n]; about 1 for a usual sample."""
        centred = self.standardise(samples)
        along = centred @ self.basis
        squared = (np.square(along) / self.variance).sum(1, dtype=np.float64)
        if self.basis.shape[1] < self.basis.shape[0]:
            outside = np.square(centred).sum(1, dtype=np.float64) - np.square(along).sum(1, dtype=np.float64)
            squared = squared + np.maximum(outside, 0) / self.rest
        return np.asarray(np.sqrt(squared / self.basis.shape[0]), dtype=np.float64)

    def tensors(self) -> dict[str, Single]:
        """For an artefact."""
        rest = np.array([self.rest], np.float32)
        return {"mean": self.mean, "scale": self.scale, "basis": self.basis, "variance": self.variance, "rest": rest}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, NDArray[Any]]) -> ShrunkGaussian:
        """What `tensors` gave, among others; raises ValueError for shapes or values that cannot be right."""
        try:
            mean, scale, basis, variance = (
                np.asarray(tensors[name], np.float32) for name in ("mean", "scale", "basis", "variance")
            )
            rest = float(tensors["rest"][0])
        except (KeyError, IndexError) as error:
            raise ValueError(f"a Gaussian lacks {error}") from error
        if basis.ndim != 2 or (*mean.shape, *variance.shape) != basis.shape or scale.shape != mean.shape:
            raise ValueError("the parts of a Gaussian do not fit together")
        if not (np.all(scale > 0) and np.all(variance > 0) and rest > 0):
            raise ValueError("a Gaussian's scales and variances must be positive")
        return cls(mean, scale, basis, variance, rest)
