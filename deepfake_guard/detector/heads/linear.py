"""Linear heads on pooled features: any known generator against genuine, and each generator on its own.

Learnt from `head-fake`, or from what moderators decided: features, names and weights in, a head out. Scoring is one
product in numpy; scikit-learn is needed to fit the logistic kind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Single = NDArray[np.float32]

GENUINE = "genuine"
METHODS = ("logistic", "lda")
STRENGTH = {"logistic": 0.1, "lda": 0.1}


@dataclass(frozen=True, eq=False, slots=True)
class LinearHead:
    """generators: g names, in the order of the columns. mean, scale float32 [d]; weights float32 [1 + g, d], biases
    float32 [1 + g]: first any known generator, then each; where there is one generator, both rows are the same."""

    generators: tuple[str, ...]
    mean: Single
    scale: Single
    weights: Single
    biases: Single

    @classmethod
    def fit(
        cls,
        features: NDArray[np.floating[Any]],
        names: Sequence[str],
        *,
        sources: Sequence[str] | None = None,
        weights: NDArray[np.floating[Any]] | None = None,
        method: str = "logistic",
        strength: float | None = None,
    ) -> Self:
        """features [n, d]; names [n]: "genuine" or the generator's; sources [n]: where each picture is from (default:
        its name), so that a large collection does not outweigh a small one; weights [n]: how sure a label is.

        strength: of the ridge (logistic), or of the shrinkage towards equal variances, 0..1 (lda).
        Raises ValueError when there is nothing to tell apart, or for arrays of other lengths.
        """
        named = np.asarray(names, dtype=str)
        origins = named if sources is None else np.asarray(sources, dtype=str)
        sure = np.ones(len(named)) if weights is None else np.asarray(weights, dtype=np.float64)
        if features.ndim != 2 or not len(features) == len(named) == len(origins) == len(sure):
            raise ValueError("features, names, sources and weights are of one length")
        if method not in METHODS:
            raise ValueError(f"unknown method {method!r}: use one of {', '.join(METHODS)}")
        if not np.all(np.isfinite(features)) or not np.all(np.isfinite(sure)) or np.any(sure < 0):
            raise ValueError("features are finite, weights finite and not negative")
        generators = tuple(sorted(set(named[sure > 0]) - {GENUINE}))
        if not generators or not np.any(sure[named == GENUINE] > 0):
            raise ValueError("a head needs genuine faces and those of at least one generator")
        every = balanced(named != GENUINE, origins, sure)
        exact = features.astype(np.float64)
        mean, scale = _moments(exact, every)
        standard, learn = (exact - mean) / scale, _logistic if method == "logistic" else _lda
        asked = STRENGTH[method] if strength is None else strength
        lines = [learn(standard, named != GENUINE, every, asked)]
        for name in generators if len(generators) > 1 else ():
            rows = (named == GENUINE) | (named == name)
            each = balanced(named[rows] == name, origins[rows], sure[rows])
            lines.append(learn(standard[rows], named[rows] == name, each, asked))
        if len(generators) == 1:
            lines *= 2
        slopes, biases = np.stack([slope for slope, _ in lines]), np.array([bias for _, bias in lines])
        return cls(generators, *(np.asarray(part, np.float32) for part in (mean, scale, slopes, biases)))

    def score(self, features: NDArray[np.floating[Any]]) -> Floats:
        """[n, d] -> log-odds of any known generator against genuine, float64 [n]; higher = more suspicious."""
        return self.scores(features)[:, 0]

    def scores(self, features: NDArray[np.floating[Any]]) -> Floats:
        """[n, d] -> log-odds float64 [n, 1 + g]: any known generator, then each of `generators`."""
        if features.ndim != 2 or features.shape[1] != len(self.mean):
            raise ValueError(f"this head reads {len(self.mean)} features a face, got {features.shape}")
        standard = (features.astype(np.float64) - self.mean) / self.scale
        return np.asarray(standard @ self.weights.T.astype(np.float64) + self.biases, dtype=np.float64)

    def tensors(self) -> dict[str, Single]:
        """All but the names, for safetensors."""
        return {"mean": self.mean, "scale": self.scale, "weights": self.weights, "biases": self.biases}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, NDArray[Any]], generators: Sequence[str]) -> Self:
        """What `tensors` gave; raises ValueError for shapes or values that cannot be right."""
        try:
            mean, scale, weights, biases = (
                np.asarray(tensors[name], np.float32) for name in ("mean", "scale", "weights", "biases")
            )
        except KeyError as error:
            raise ValueError(f"a linear head lacks {error}") from error
        rows = 1 + len(generators)
        if (
            weights.shape != (rows, *mean.shape)
            or mean.ndim != 1
            or biases.shape != (rows,)
            or scale.shape != mean.shape
        ):
            raise ValueError(f"the parts of a linear head for {len(generators)} generators do not fit together")
        if len(set(generators)) != len(generators) or not generators or np.any(scale <= 0):
            raise ValueError("a linear head names each generator once and has positive scales")
        return cls(tuple(generators), mean, scale, weights, biases)

    def describe(self) -> str:
        """One plain sentence for people."""
        return (
            f"How much the face resembles pictures of generators that were learnt ({', '.join(self.generators)}) "
            "rather than genuine ones; a generator that is not among them may go unnoticed."
        )


def balanced(fake: NDArray[np.bool_], sources: NDArray[np.str_], sure: Floats) -> Floats:
    """Weights [n] that sum to n: genuine and fake half each, and within each all sources alike."""
    weights = np.zeros(len(fake))
    for label in (False, True):
        present = sorted(set(sources[(fake == label) & (sure > 0)]))
        for source in present:
            rows = (fake == label) & (sources == source)
            weights[rows] = sure[rows] / sure[rows].sum() / len(present) / 2
    return weights * len(fake)


def _moments(exact: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Weighted mean and deviation of each column; a constant one is left as it is."""
    mean = np.average(exact, axis=0, weights=weights)
    scale = np.sqrt(np.average(np.square(exact - mean), axis=0, weights=weights))
    return mean, np.where(scale > 1e-6 * max(1.0, float(scale.max())), scale, 1.0)


def _logistic(standard: Floats, fake: NDArray[np.bool_], weights: Floats, ridge: float) -> tuple[Floats, float]:
    """Mean weighted logistic loss + ridge/2 · ‖slope‖²."""
    from sklearn.linear_model import LogisticRegression  # here: only learning needs scikit-learn

    learner = LogisticRegression(C=1 / (ridge * weights.sum()), max_iter=300)
    learner.fit(standard, fake, sample_weight=weights)
    return np.asarray(learner.coef_[0], dtype=np.float64), float(learner.intercept_[0])


def _lda(standard: Floats, fake: NDArray[np.bool_], weights: Floats, shrinkage: float) -> tuple[Floats, float]:
    """Fisher's line between the weighted means, the covariance within classes shrunk towards its mean variance."""
    if not 0 <= shrinkage <= 1:
        raise ValueError(f"shrinkage lies in 0..1, got {shrinkage}")
    means = [np.average(standard[fake == label], axis=0, weights=weights[fake == label]) for label in (False, True)]
    within = standard - np.where(fake[:, None], means[1], means[0])
    covariance = (within * weights[:, None]).T @ within / weights.sum()
    variance = np.trace(covariance) / len(covariance)
    shrunk = (1 - shrinkage) * covariance + (shrinkage + 1e-9) * variance * np.eye(len(covariance))
    slope = np.linalg.solve(shrunk, means[1] - means[0])
    return slope, float(-slope @ (means[0] + means[1]) / 2)
