"""µFlow: the mean negative log-likelihood of a face over the layers of a frozen backbone (METHOD stage C)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from ..features import Backbone, shapes
from ..flow import FastFlow
from ..gaussian import POOLINGS, Gaussian, pooled_width
from .likelihood import OBJECTIVES, layer_nll

BATCH = 32


@dataclass(frozen=True, slots=True)
class Settings:
    """What the numbers of an artefact mean; input_px is a multiple of 16."""

    input_px: int = 224
    steps: int = 8
    seed: int = 0
    pooling: str = "flatten"
    objective: str = "published"

    def __post_init__(self) -> None:
        if self.pooling not in POOLINGS or self.objective not in OBJECTIVES:
            raise ValueError(f"unknown pooling or objective: {self.pooling!r}, {self.objective!r}")


@dataclass(frozen=True, slots=True)
class MuFlowScores:
    """total float64 [n] (higher = stranger), layers float64 [n, L], maps: L arrays float32 [n, H_l, W_l]."""

    total: NDArray[np.float64]
    layers: NDArray[np.float64]
    maps: list[NDArray[np.float32]]


class Layer(nn.Module):
    """The flow of one stage, the average-image Gaussian it is trained towards, and how strange genuine places are."""

    usual: Tensor
    deviation: Tensor

    def __init__(self, flow: FastFlow, gaussian: Gaussian) -> None:
        super().__init__()
        self.flow = flow
        self.gaussian = gaussian
        place = flow.shape[1:]
        self.register_buffer("usual", torch.zeros(place))
        self.register_buffer("deviation", torch.ones(place))


class MuFlow(nn.Module):
    """Backbone, and one `Layer` per stage."""

    def __init__(self, backbone: Backbone, gaussians: Sequence[Gaussian], settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        self.shapes = shapes(settings.input_px)
        self.backbone = backbone
        flows = [FastFlow(shape, settings.steps, settings.seed + at) for at, shape in enumerate(self.shapes)]
        self.layers = nn.ModuleList(Layer(flow, gauss) for flow, gauss in zip(flows, gaussians, strict=True))

    @classmethod
    def blank(cls, settings: Settings, ranks: Sequence[int]) -> MuFlow:
        """Unfilled, for loading into: ranks are those of the Gaussians' factors."""
        widths = [pooled_width(shape, settings.pooling) for shape in shapes(settings.input_px)]
        gaussians = [Gaussian.blank(width, rank) for width, rank in zip(widths, ranks, strict=True)]
        return cls(Backbone(), gaussians, settings)

    @property
    def device(self) -> torch.device:
        """Where the weights are; what is handed over is moved there."""
        return next(self.parameters()).device

    def stages(self) -> list[Layer]:
        """The layers, typed."""
        return [layer for layer in self.layers if isinstance(layer, Layer)]

    def features(self, pixels: Tensor) -> list[Tensor]:
        """uint8 [n, 3, h, w] RGB -> feature maps, after bilinear resizing to the network's input."""
        images = pixels.to(self.device).float()
        side = self.settings.input_px
        if images.shape[-2:] != (side, side):
            images = F.interpolate(images, (side, side), mode="bilinear", antialias=True, align_corners=False)
        features: list[Tensor] = self.backbone(images)
        return features

    def likelihoods(self, features: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Feature maps of L stages -> L times the NLL [n], and L times its places [n, H, W]."""
        wanted = (self.settings.pooling, self.settings.objective)
        pairs = [
            layer_nll(layer.flow, layer.gaussian, maps.to(self.device), *wanted)
            for layer, maps in zip(self.stages(), features, strict=True)
        ]
        return [nll for nll, _ in pairs], [places for _, places in pairs]

    @torch.inference_mode()
    def score(self, crops: NDArray[np.uint8]) -> MuFlowScores:
        """Face crops uint8 [n, s, s, 3] RGB, n >= 0 -> scores. Raises ValueError for anything else."""
        if crops.dtype != np.uint8 or crops.ndim != 4 or crops.shape[3] != 3:
            raise ValueError(f"crops must be uint8 [n, s, s, 3], got {crops.dtype} {crops.shape}")
        empty = [torch.zeros(0, *shape[1:]) for shape in self.shapes]
        layers, places = [torch.zeros(0, len(self.shapes))], [[part] for part in empty]
        for start in range(0, len(crops), BATCH):
            batch = torch.from_numpy(np.ascontiguousarray(crops[start : start + BATCH]))
            nll, maps = self.likelihoods(self.features(batch.permute(0, 3, 1, 2)))
            layers.append(torch.stack(nll, dim=1).cpu())
            for kept, part in zip(places, maps, strict=True):
                kept.append(part.float().cpu())
        per_layer = torch.cat(layers).double().numpy()
        return MuFlowScores(per_layer.mean(axis=1), per_layer, [torch.cat(kept).numpy() for kept in places])
