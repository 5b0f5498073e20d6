"""Distance of a face to its nearest genuine training faces, in few dimensions.

Two-sided by the fold of the calibration: generated faces are often nearer to the crowd than genuine ones
(method.md, "What prototypes showed").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from .base import Features, Scores, Seen
from .part import Part

METRICS = ("cosine", "euclidean")
BLOCK = 256  # faces compared with the bank at a time: 256 × 2,510 distances are 2.5 MB


@dataclass(frozen=True, eq=False, slots=True)
class Neighbours:
    """mean, scale float32 [d]; basis float32 [d, r]; bank float16 [m, r], genuine training faces; k neighbours count.

    The key is `neighbours`, or `tuned_neighbours` on the tuned backbone.
    """

    part: Part
    metric: str
    k: int
    mean: Features
    scale: Features
    basis: Features
    bank: NDArray[np.float16]

    @classmethod
    def fit(
        cls, genuine: Seen, part: Part | None = None, *, k: int = 5, metric: str = "cosine", dimensions: int = 64
    ) -> Self:
        """Standardised, brought to `dimensions` by PCA, kept as float16. Raises ValueError for n <= k faces."""
        part = part or Part()
        if metric not in METRICS:
            raise ValueError(f"unknown metric {metric!r}: use one of {', '.join(METRICS)}")
        features = part.of(genuine)
        if not 0 < k < len(features):
            raise ValueError(f"{k} neighbours among {len(features)} faces")
        exact = features.astype(np.float64)
        mean, scale = exact.mean(0), exact.std(0)
        scale = np.where(scale > 1e-6 * max(1.0, float(scale.max())), scale, 1.0)
        standard = (exact - mean) / scale
        _, directions = np.linalg.eigh(standard.T @ standard)
        basis = np.ascontiguousarray(directions[:, ::-1][:, :dimensions])
        bank = _placed(standard @ basis, metric).astype(np.float16)
        return cls(part, metric, k, mean.astype(np.float32), scale.astype(np.float32), basis.astype(np.float32), bank)

    @property
    def name(self) -> str:
        return self.part.named("neighbours_cosine" if self.metric == "cosine" else "neighbours")

    def score(self, faces: Seen) -> Scores:
        """Mean distance to the k nearest, float64 [n]: 1 - cosine (0..2), or Euclidean a root dimension."""
        standard = (self.part.of(faces) - self.mean) / self.scale
        wanted, bank = _placed(standard @ self.basis, self.metric), self.bank.astype(np.float32)
        lengths = np.square(bank).sum(1)
        nearest = np.empty((len(wanted), self.k), np.float64)
        for start in range(0, len(wanted), BLOCK):
            block = wanted[start : start + BLOCK]
            squared = np.square(block).sum(1)[:, None] + lengths - 2 * block @ bank.T
            nearest[start : start + BLOCK] = np.partition(squared, self.k - 1, axis=1)[:, : self.k]
        if self.metric == "cosine":  # of unit vectors, ‖a - b‖² = 2 (1 - cos)
            return np.asarray(np.maximum(nearest, 0).mean(1) / 2)
        return np.asarray(np.sqrt(np.maximum(nearest, 0) / bank.shape[1]).mean(1))

    def tensors(self) -> dict[str, NDArray[Any]]:
        how = np.array([METRICS.index(self.metric), self.k], np.float32)
        own: dict[str, NDArray[Any]] = {"mean": self.mean, "scale": self.scale, "basis": self.basis, "bank": self.bank}
        return {"part": self.part.tensor(), "how": how, **own}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, NDArray[Any]]) -> Self:
        try:
            part, how = Part.from_tensor(tensors["part"]), tensors["how"]
            mean, scale, basis = (np.asarray(tensors[name], np.float32) for name in ("mean", "scale", "basis"))
            bank = np.asarray(tensors["bank"], np.float16)
        except KeyError as error:
            raise ValueError(f"a neighbours signal lacks {error}") from error
        if how.shape != (2,) or not 0 <= how[0] < len(METRICS):
            raise ValueError("a neighbours signal's metric and k are two numbers")
        fitting = basis.ndim == 2 and bank.ndim == 2 and bank.shape[1] == basis.shape[1]
        if not fitting or mean.shape != basis.shape[:1] or scale.shape != mean.shape or not 0 < how[1] < len(bank):
            raise ValueError("the parts of a neighbours signal do not fit together")
        return cls(part, METRICS[int(how[0])], int(how[1]), mean, scale, basis, bank)

    def describe(self) -> str:
        return (
            f"How far the face is from the {self.k} genuine training faces most like it; high is unlike any of them, "
            "low is closer to them than genuine faces are to each other."
        )


def _placed(projected: NDArray[np.floating[Any]], metric: str) -> Features:
    """Where faces lie when compared: on the unit sphere for cosines."""
    if metric == "cosine":
        projected = projected / np.maximum(np.linalg.norm(projected, axis=1, keepdims=True), 1e-12)
    return np.asarray(projected, dtype=np.float32)
