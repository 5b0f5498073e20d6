"""Gaussians of average images (method.md, stage A): how maps are pooled, one in its low-rank factor, mixtures."""

from .factor import REG_COVAR, Gaussian
from .mixture import Mixture
from .pooling import LINEAR_POOLINGS, POOLINGS, pool, pooled_width, spread

__all__ = [
    "LINEAR_POOLINGS",
    "POOLINGS",
    "REG_COVAR",
    "Gaussian",
    "Mixture",
    "pool",
    "pooled_width",
    "spread",
]
