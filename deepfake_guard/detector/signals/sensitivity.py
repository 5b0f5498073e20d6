"""Perturbation sensitivity: how much a face's features turn when a little noise is laid over it.

After RIGID (He et al., arXiv 2405.20112): features of generated pictures move further than those of photographs. The
noise is one fixed grain for all faces, so that a face scores the same alone and among others. Costs one more pass
through the backbone a face.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from .base import Features, Pixels, Scores, Seen
from .part import Part

Embed = Callable[[Pixels], Features]


@dataclass(frozen=True, eq=False, slots=True)
class Sensitivity:
    """embed: crops uint8 [n, s, s, 3] -> the same features as `Seen` carries of the part's backbone (all columns).

    mean, scale float32 [d]: of genuine faces, so that a cosine weighs all columns alike. sigma: deviation of the noise
    in 8-bit steps. The key is `sensitivity`, or `tuned_sensitivity` on the tuned backbone.
    """

    part: Part
    sigma: float
    seed: int
    mean: Features
    scale: Features
    embed: Embed | None = None

    @classmethod
    def fit(
        cls, genuine: Seen, part: Part | None = None, *, embed: Embed | None = None, sigma: float = 3.0, seed: int = 0
    ) -> Self:
        """Only the genuine faces' means and deviations are learnt. Raises ValueError for sigma <= 0."""
        if sigma <= 0:
            raise ValueError(f"noise of deviation {sigma} perturbs nothing")
        part = part or Part()
        features = part.of(genuine).astype(np.float64)
        mean, scale = features.mean(0), features.std(0)
        scale = np.where(scale > 1e-6 * max(1.0, float(scale.max())), scale, 1.0)
        return cls(part, sigma, seed, mean.astype(np.float32), scale.astype(np.float32), embed)

    def bind(self, embed: Embed) -> Self:
        """The same signal with a backbone to ask."""
        return replace(self, embed=embed)

    @property
    def name(self) -> str:
        return self.part.named("sensitivity")

    def score(self, faces: Seen) -> Scores:
        """1 - cosine between the features of the face and of its noisy copy, float64 [n], 0..2.

        Raises RuntimeError before `bind`: without a backbone there is nothing to ask.
        """
        if self.embed is None:
            raise RuntimeError("a sensitivity signal scores only after bind(embed)")
        moved = self.embed(noisy(faces.crops, self.sigma, self.seed))
        noised = Seen(faces.crops, moved, moved)  # only the part's own space is read
        return turned(self._standard(faces), self._standard(noised))

    def _standard(self, faces: Seen) -> Features:
        return np.asarray((self.part.of(faces) - self.mean) / self.scale, dtype=np.float32)

    def tensors(self) -> dict[str, NDArray[np.float32]]:
        noise = np.array([self.sigma, self.seed], np.float32)
        return {"part": self.part.tensor(), "noise": noise, "mean": self.mean, "scale": self.scale}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, NDArray[Any]]) -> Self:
        """Unbound: call `bind` before it scores."""
        try:
            part, noise = Part.from_tensor(tensors["part"]), tensors["noise"]
            mean, scale = (np.asarray(tensors[name], np.float32) for name in ("mean", "scale"))
        except KeyError as error:
            raise ValueError(f"a sensitivity signal lacks {error}") from error
        if noise.shape != (2,) or noise[0] <= 0 or mean.ndim != 1 or scale.shape != mean.shape or np.any(scale <= 0):
            raise ValueError("the parts of a sensitivity signal do not fit together")
        return cls(part, float(noise[0]), int(noise[1]), mean, scale)

    def describe(self) -> str:
        return (
            "How much the face's features turn when faint noise is added; high or low: more or less "
            "than those of genuine faces do."
        )


def noisy(crops: Pixels, sigma: float, seed: int) -> Pixels:
    """uint8 [n, s, s, 3] -> the same under one grain of Gaussian noise, rounded and cut to 0..255."""
    grain = np.random.default_rng(seed).normal(0, sigma, crops.shape[1:]).astype(np.float32)
    return np.asarray(np.clip(np.rint(crops.astype(np.float32) + grain), 0, 255), dtype=np.uint8)


def turned(before: Features, after: Features) -> Scores:
    """1 - cosine of each pair of rows, float64 [n]."""
    lengths = np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
    product = np.einsum("nd,nd->n", before, after, dtype=np.float64)
    return np.asarray(1 - product / np.maximum(lengths, 1e-12))
