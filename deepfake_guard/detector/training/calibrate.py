"""From a fitted model to a calibrated one: the fold and the heat map's scale from selection faces, then counting."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from ..calibration import ROOT, Calibration, HeatRange
from ..explain import strangeness
from ..signals.muflow import MuFlow


def calibrate(model: MuFlow, select: NDArray[np.uint8], genuine: NDArray[np.uint8]) -> Calibration:
    """Crops uint8 [m, s, s, 3] that select and [n, s, s, 3] that calibrate, disjoint -> the root alone, by µFlow alone.

    Also fills the model's maps, as `heat_scale` does.
    """
    heat = heat_scale(model, select)
    chosen, counted = ({ROOT: {"muflow": model.score(crops).total}} for crops in (select, genuine))
    return Calibration.fit(chosen, counted, heat)


def heat_scale(model: MuFlow, select: NDArray[np.uint8]) -> HeatRange:
    """From selection crops uint8 [m, s, s, 3]; fills the model's `usual` and `deviation` maps, too."""
    chosen = model.score(select)
    for layer, places in zip(model.stages(), chosen.maps, strict=True):
        layer.usual.copy_(torch.from_numpy(places.mean(axis=0)))
        layer.deviation.copy_(torch.from_numpy(places.std(axis=0)).clamp_min(1e-6))
    calm, rare = np.quantile(strangeness(chosen.maps, model), (0.95, 0.999))
    return HeatRange(calm=float(calm), hot=float(calm + 2 * (rare - calm)))
