"""The directions that N samples span: where a fit in many dimensions can be made in few, without approximation.

Every mean and every centred sample of a mixture fitted to N samples lies in the N - 1 directions that they span; beside
them its covariances are reg·I. So in coordinates along the span EM is the same EM, and log-densities differ by the
constant of the missing directions. The axes come from the N x N matrix of inner products (the dual form), in blocks of
columns: no d x d matrix is made, and float32 samples are widened a block at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

DUAL_ABOVE = 4096  # dimensions; a d x d matrix in float64 is 134 MB there
_COLUMNS = 4096
_EPS = torch.finfo(torch.float64).eps


@dataclass(frozen=True, slots=True)
class Span:
    """x = origin + axes · c: origin float64 [d], axes float64 [d, r] orthonormal, coordinates float64 [N, r]."""

    origin: Tensor
    axes: Tensor
    coordinates: Tensor

    @classmethod
    def of(cls, samples: Tensor) -> Span:
        """Samples [N, d], N >= 2 -> their span, r <= min(N - 1, d); directions lost in rounding are left out."""
        count, width = samples.shape
        origin = torch.cat([samples[:, block].double().mean(0) for block in _blocks(width)])
        inner = samples.new_zeros(count, count, dtype=torch.float64)
        for block in _blocks(width):
            centred = samples[:, block].double() - origin[block]
            inner += centred @ centred.T
        squared, directions = torch.linalg.eigh(inner)
        kept = squared.flip(0) > count * _EPS * squared[-1]
        kept[min(count - 1, width) :] = False
        towards = directions.flip(1)[:, kept] / squared.flip(0)[kept].sqrt()
        axes = torch.cat([(samples[:, block].double() - origin[block]).T @ towards for block in _blocks(width)])
        axes = _orthonormal(axes)
        coordinates = sum(
            ((samples[:, block].double() - origin[block]) @ axes[block] for block in _blocks(width)),
            start=samples.new_zeros(count, axes.shape[1], dtype=torch.float64),
        )
        return cls(origin, axes, coordinates)


def smallest_reg(largest_variance: float, width: int) -> float:
    """What must be exceeded on the diagonal for any d x d Cholesky in float64 to see it beside the largest variance.

    Where the covariance is not made, this bound takes the place of a failing factorisation; it errs upwards.
    """
    return width * _EPS * largest_variance


def _orthonormal(axes: Tensor) -> Tensor:
    """A second pass: inner products square the condition number, so weak axes were orthogonal to half the digits."""
    factor = torch.linalg.cholesky(axes.T @ axes)
    upright: Tensor = torch.linalg.solve_triangular(factor.T, axes, upper=True, left=False)
    return upright


def _blocks(width: int) -> Iterator[slice]:
    for start in range(0, width, _COLUMNS):
        yield slice(start, start + _COLUMNS)
