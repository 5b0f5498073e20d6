"""The frozen backbone: face crops in, feature maps out. Any timm backbone that gives feature maps will do.

`Backbone.load(name, weights)` makes a filled one; what the table of variants (method.md) names stands in `PUBLISHED`.
"""

from .backbone import PUBLISHED, Backbone, default_stages
from .folding import folded
from .lite0 import CHECKPOINT_SHA256, MEAN, NAME, STAGES, STD, checkpoint_path, convert, shapes, timm_name
from .lite0_net import Lite0
from .moments import moments

__all__ = [
    "CHECKPOINT_SHA256", "MEAN", "NAME", "PUBLISHED", "STAGES", "STD",
    "Backbone", "Lite0", "checkpoint_path", "convert", "default_stages", "folded", "moments", "shapes", "timm_name",
]  # fmt: skip
