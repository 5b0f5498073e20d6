"""FastFlow (method.md, stage B): an invertible map of one feature map, with its log-determinant place by place."""

from .fastflow import KERNELS, Coupling, FastFlow, FlowSettings
from .fused import Fused, fused

__all__ = ["KERNELS", "Coupling", "FastFlow", "FlowSettings", "Fused", "fused"]
