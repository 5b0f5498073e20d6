"""METHOD stage A's Gaussians: how maps are pooled, one Gaussian in its low-rank factor, and mixtures of them."""

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
