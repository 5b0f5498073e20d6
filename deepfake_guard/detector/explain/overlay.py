"""Per-layer maps -> heat maps -> transparent pictures."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..calibration import HeatRange

if TYPE_CHECKING:
    from ..signals.muflow import MuFlow

OVERLAY_PX = 224
OPAQUE = 200  # of 255: the face stays visible under the hottest place

Floats = NDArray[np.float32]


def strangeness(maps: Sequence[Floats], model: MuFlow) -> Floats:
    """Per-place NLLs of L layers, [n, H_l, W_l] each -> [n, H, W] on the finest grid: the mean of `deviations`."""
    return np.asarray(deviations(maps, model).mean(axis=0), dtype=np.float32)


def deviations(maps: Sequence[Floats], model: MuFlow) -> Floats:
    """Per-place NLLs of L layers, [n, H_l, W_l] each -> [L, n, H, W] on the finest grid.

    Each place of each layer is measured in deviations from what that place shows on genuine selection faces (borders
    are stranger than cheeks), so that layers of different size and unit can be averaged.
    """
    import torch  # here: the web side imports this package for its words
    import torch.nn.functional as F

    finest = (max(part.shape[1] for part in maps), max(part.shape[2] for part in maps))
    layers = []
    for part, layer in zip(maps, model.stages(), strict=True):
        standing = (torch.from_numpy(part) - layer.usual.cpu()) / layer.deviation.cpu()
        layers.append(F.interpolate(standing[:, None], finest, mode="bilinear", align_corners=False)[:, 0])
    return np.asarray(torch.stack(layers).numpy(), dtype=np.float32)


def heat(maps: Sequence[Floats], model: MuFlow, scale: HeatRange) -> Floats:
    """Per-place NLLs of L layers -> float32 [n, H, W] in 0..1, spanning the crop.

    0 up to what 95 % of genuine places reach, 1 from far above it (`scale`, from calibration): not stretched to each
    picture's own extremes, so a calm face stays calm.
    """
    return _warmth(strangeness(maps, model), scale)


def layer_heat(maps: Sequence[Floats], model: MuFlow, scale: HeatRange) -> Floats:
    """Per-place NLLs of L layers -> float32 [L, n, H, W] in 0..1, each layer on the scale of their mean.

    A layer alone varies more than the mean of all, so it may be warm where the mean is calm.
    """
    return _warmth(deviations(maps, model), scale)


def _warmth(strange: Floats, scale: HeatRange) -> Floats:
    return np.asarray(np.clip((strange - scale.calm) / (scale.hot - scale.calm), 0.0, 1.0), dtype=np.float32)


def overlay_png(heat_map: Floats, side: int = OVERLAY_PX) -> bytes:
    """A heat map [H, W] in 0..1 -> PNG, RGBA, side × side, transparent where calm, yellow to red where not."""
    from PIL import Image  # here: scoring alone needs no Pillow

    small = Image.fromarray(np.round(heat_map * 255).astype(np.uint8))
    warmth = np.asarray(small.resize((side, side), Image.Resampling.BILINEAR), dtype=np.float32) / 255
    rgba = np.empty((side, side, 4), np.uint8)
    rgba[..., 0] = 225
    rgba[..., 1] = np.round(190 * (1 - warmth))
    rgba[..., 2] = 30
    rgba[..., 3] = np.round(OPAQUE * np.sqrt(warmth))
    stream = io.BytesIO()
    Image.fromarray(rgba, "RGBA").save(stream, "PNG")
    return stream.getvalue()
