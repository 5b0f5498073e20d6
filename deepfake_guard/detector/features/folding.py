"""A frozen network for scoring: its batch norms folded into the convolutions before them, its weights channels last."""

from __future__ import annotations

from copy import deepcopy
from itertools import pairwise

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from .lite0_net import Lite0
from .quick import FusedLite0, InParts

# Families whose blocks name a convolution and the norm that follows it one after the other; tests hold each to itself
FAMILIES = ("resnet", "wide_resnet", "densenet", "efficientnet", "tf_efficientnet")
CONVOLUTIONS = {"Conv2d", "Conv2dSame", "SameConv"}  # by exact name: kinds that standardise their weights are others
NORMS = {"BatchNorm2d", "BatchNormAct2d"}


def folded(net: nn.Module) -> nn.Module:
    """A copy in inference mode that computes the same up to rounding. Only for nets of FAMILIES."""
    quick = deepcopy(net).eval()
    for part in list(quick.modules()):
        for (before, conv), (after, norm) in pairwise(list(part.named_children())):
            if not (isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)):
                continue
            known = type(conv).__name__ in CONVOLUTIONS and type(norm).__name__ in NORMS
            if known and conv.out_channels == norm.num_features:
                setattr(part, before, fuse_conv_bn_eval(conv, norm))
                setattr(part, after, getattr(norm, "act", nn.Identity()))  # timm's norms bring their activation
    layout: torch.memory_format = torch.channels_last
    quick = quick.to(memory_format=layout).requires_grad_(False)
    return InParts(FusedLite0(quick) if isinstance(quick, Lite0) else quick)


def as_is(net: nn.Module) -> nn.Module:
    """What stands in for `folded` where nothing can be folded."""
    return net
