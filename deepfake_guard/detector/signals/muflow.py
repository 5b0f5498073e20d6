"""µFlow: the mean negative log-likelihood of a face over the layers of a frozen backbone (method.md, stage C)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from ..features import Backbone, moments
from ..flow import FastFlow, FlowSettings
from ..gaussian import POOLINGS, Gaussian, Mixture, pooled_width
from .likelihood import check_objective, layer_nll
from .patches import Patches, assemble, cut, most_deviant

BATCH = 32
LARGEST_INPUT = 1024  # a manifest must not be able to ask for any amount of memory


@dataclass(frozen=True, slots=True)
class Settings:
    """What the numbers of an artefact mean. input_px: a side that the backbone takes, at most 1024.

    From `kernels` on: the flow's switches (`FlowSettings`). patches: None resizes the whole picture to the input (v1),
    otherwise native patches of that side are looked at (v2).
    """

    input_px: int = 224
    steps: int = 8
    seed: int = 0
    pooling: str = "flatten"
    objective: str = "published"
    kernels: str = "3|1"
    hidden: float = 1.0
    clamp: float = 2.0
    layer_norm: bool = True
    global_affine: bool = True
    permute: bool = True
    patches: Patches | None = None

    def __post_init__(self) -> None:
        if self.pooling not in POOLINGS:
            raise ValueError(f"unknown pooling {self.pooling!r}: use one of {', '.join(POOLINGS)}")
        if self.input_px > LARGEST_INPUT:
            raise ValueError(f"the input's side is at most {LARGEST_INPUT} px, got {self.input_px}")
        check_objective(self.objective)
        _ = self.flow  # which checks its own

    @property
    def flow(self) -> FlowSettings:
        """The switches of each layer's flow."""
        return FlowSettings(
            self.steps, self.kernels, self.hidden, self.clamp, self.layer_norm, self.global_affine, self.permute
        )


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

    def __init__(self, flow: FastFlow, gaussian: Gaussian | Mixture) -> None:
        super().__init__()
        self.flow = flow
        self.gaussian = gaussian
        place = flow.shape[1:]
        self.register_buffer("usual", torch.zeros(place))
        self.register_buffer("deviation", torch.ones(place))


class MuFlow(nn.Module):
    """Backbone, and one `Layer` per stage. `precision` is what convolutions are computed in: bfloat16 or single.

    With patches, `typical` is the score of a genuine patch (the median of the selection faces').
    """

    typical: Tensor

    def __init__(self, backbone: Backbone, gaussians: Sequence[Gaussian | Mixture], settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        self.precision = torch.float32
        self.shapes = backbone.shapes(settings.input_px)
        self.backbone = backbone
        flows = [FastFlow(shape, settings.flow, settings.seed + at) for at, shape in enumerate(self.shapes)]
        self.layers = nn.ModuleList(Layer(flow, gauss) for flow, gauss in zip(flows, gaussians, strict=True))
        if settings.patches is not None:
            self.register_buffer("typical", torch.zeros(()))

    @classmethod
    def blank(
        cls, settings: Settings, ranks: Sequence[int | Sequence[int]], backbone: Backbone | None = None
    ) -> MuFlow:
        """Unfilled, for loading into: ranks are those of the Gaussians' factors, several for a mixture's components."""
        backbone = Backbone() if backbone is None else backbone
        widths = [pooled_width(shape, settings.pooling) for shape in backbone.shapes(settings.input_px)]
        gaussians = [
            Gaussian.blank(width, rank) if isinstance(rank, int) else Mixture.blank(width, rank)
            for width, rank in zip(widths, ranks, strict=True)
        ]
        return cls(backbone, gaussians, settings)

    @property
    def device(self) -> torch.device:
        """Where the weights are; what is handed over is moved there."""
        return next(self.parameters()).device

    def stages(self) -> list[Layer]:
        """The layers, typed."""
        return [layer for layer in self.layers if isinstance(layer, Layer)]

    def views(self, pixels: Tensor) -> Tensor:
        """uint8 [n, 3, h, w] RGB -> what the backbone looks at, float [n · v, 3, side, side] in 0..255.

        The whole picture resized (v = 1), or its fixed patches. Raises ValueError for a picture smaller than a patch.
        """
        images, side, patches = pixels.to(self.device).float(), self.settings.input_px, self.settings.patches
        if patches is not None:
            return cut(images, patches.corners(images.shape[2], images.shape[3], side), side)
        if images.shape[-2:] != (side, side):
            images = F.interpolate(images, (side, side), mode="bilinear", antialias=True, align_corners=False)
        return images

    def maps(self, views: Tensor) -> list[Tensor]:
        """What `views` gave -> L feature maps [n · v, C, H, W]."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == torch.bfloat16):
            maps: list[Tensor] = self.backbone(views.to(self.device))
        return maps

    def features(self, pixels: Tensor) -> list[Tensor]:
        """uint8 [n, 3, h, w] RGB -> L feature maps, `views` a face of each."""
        return self.maps(self.views(pixels))

    def likelihoods(
        self, features: Sequence[Tensor], *, fused: bool = False, objective: str | None = None
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Feature maps of L stages -> L times the NLL [n · v], and L times its places [n · v, H, W].

        fused: faster, without gradients. objective: another than the model's own; raises ValueError as
        `check_objective`.
        """
        wanted = (self.settings.pooling, objective or self.settings.objective)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == torch.bfloat16):
            pairs = [
                layer_nll(layer.flow, layer.gaussian, maps.to(self.device), *wanted, fused=fused)
                for layer, maps in zip(self.stages(), features, strict=True)
            ]
        return [nll for nll, _ in pairs], [places for _, places in pairs]

    @torch.inference_mode()
    def score(self, crops: NDArray[np.uint8]) -> MuFlowScores:
        """Face crops uint8 [n, s, s, 3] RGB, n >= 0 -> scores. Raises ValueError for anything else."""
        parts = [
            self.score_features(self.features(batch), (crops.shape[1], crops.shape[2])) for batch in _batches(crops)
        ]
        empty = [np.zeros((0, *shape[1:]), np.float32) for shape in self.shapes]
        layers = np.concatenate([np.zeros((0, len(self.shapes))), *(part.layers for part in parts)])
        maps = [np.concatenate([none, *(part.maps[at] for part in parts)]) for at, none in enumerate(empty)]
        return MuFlowScores(np.concatenate([np.zeros(0), *(part.total for part in parts)]), layers, maps)

    @torch.inference_mode()
    def score_features(self, stages: Sequence[Tensor], size: tuple[int, int] | None = None) -> MuFlowScores:
        """What `features` gave for n faces -> scores. With patches, `size` (height, width) of the crops that they were
        cut from places them in the heat map (default: THE recipe's 224 px)."""
        nll, places = self.likelihoods(stages, fused=True)
        layers = torch.stack(nll, dim=1).cpu().double()  # there: Metal has no float64
        patches = self.settings.patches
        if patches is not None:
            layers, places = self._gathered(layers, places, patches, size or (224, 224))
        per_layer = layers.numpy()
        return MuFlowScores(per_layer.mean(axis=1), per_layer, [part.float().cpu().numpy() for part in places])

    @torch.inference_mode()
    def pooled(self, seen: NDArray[np.uint8] | Sequence[Tensor]) -> NDArray[np.float32]:
        """Crops uint8 [n, s, s, 3], or what `features` gave for n faces -> float32 [n, 2 · ΣC] (`Seen.frozen`).

        Of each stage the means over all places, then the deviations; averaged over a face's patches.
        """
        if isinstance(seen, np.ndarray):
            parts = [self.pooled(self.features(batch)) for batch in _batches(seen)]
            return np.concatenate([np.zeros((0, 2 * sum(shape[0] for shape in self.shapes)), np.float32), *parts])
        rows = moments(seen)
        views = 1 if self.settings.patches is None else self.settings.patches.count
        return np.asarray(rows.view(-1, views, rows.shape[1]).mean(1).cpu().numpy(), dtype=np.float32)

    def _gathered(
        self, layers: Tensor, places: Sequence[Tensor], patches: Patches, size: tuple[int, int]
    ) -> tuple[Tensor, list[Tensor]]:
        """Of all patches [n · count, …] -> of their pictures: the chosen ones' mean, and maps that span the picture."""
        layers = layers.view(-1, patches.count, layers.shape[1])
        shares = most_deviant(layers.mean(2), self.typical.cpu().double(), patches.top)
        corners = patches.corners(*size, self.settings.input_px)
        whole = [
            assemble(part.view(-1, patches.count, *part.shape[1:]), corners, self.settings.input_px, size)
            for part in places
        ]
        return (layers * shares[:, :, None]).sum(1), whole


def _batches(crops: NDArray[np.uint8]) -> list[Tensor]:
    """Crops uint8 [n, s, s, 3] -> uint8 [<= BATCH, 3, s, s]; raises ValueError for anything else."""
    if crops.dtype != np.uint8 or crops.ndim != 4 or crops.shape[3] != 3:
        raise ValueError(f"crops must be uint8 [n, s, s, 3], got {crops.dtype} {crops.shape}")
    starts = range(0, len(crops), BATCH)
    return [torch.from_numpy(np.ascontiguousarray(crops[at : at + BATCH])).permute(0, 3, 1, 2) for at in starts]
