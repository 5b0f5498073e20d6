"""Mahalanobis distance of a face's pooled features to genuine faces, through a shrunk covariance factored once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from .base import Scores, Seen
from .density import ShrunkGaussian
from .part import Part


@dataclass(frozen=True, eq=False, slots=True)
class Mahalanobis:
    """`part` says which features; the key is `mahalanobis`, or `tuned_mahalanobis` on the tuned backbone."""

    part: Part
    gaussian: ShrunkGaussian

    @classmethod
    def fit(cls, genuine: Seen, part: Part | None = None, rank: int | None = 96) -> Self:
        """rank: directions kept of the covariance, the rest share one variance (None: all of them; n >= 2 faces)."""
        part = part or Part()
        return cls(part, ShrunkGaussian.fit(part.of(genuine), rank))

    @property
    def name(self) -> str:
        return self.part.named("mahalanobis")

    def score(self, faces: Seen) -> Scores:
        """Root mean square distance a dimension, float64 [n]; about 1 for a usual face."""
        return self.gaussian.distance(self.part.of(faces))

    def tensors(self) -> dict[str, NDArray[np.float32]]:
        return {"part": self.part.tensor(), **self.gaussian.tensors()}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, NDArray[Any]]) -> Self:
        if "part" not in tensors:
            raise ValueError("a Mahalanobis signal lacks its part")
        return cls(Part.from_tensor(tensors["part"]), ShrunkGaussian.from_tensors(tensors))

    def describe(self) -> str:
        return (
            "How far the face's features lie from those of genuine faces taken together; high is unlike them, "
            "low is more average than genuine faces are."
        )
