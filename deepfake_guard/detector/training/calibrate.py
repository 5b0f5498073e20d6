"""From a fitted model to a calibrated one: the fold and the heat map's scale from selection faces, then counting."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from ..calibration import Calibration, HeatRange
from ..explain import strangeness
from ..signals.muflow import MuFlow


def calibrate(model: MuFlow, select: NDArray[np.uint8], genuine: NDArray[np.uint8]) -> Calibration:
    """Crops uint8 [m, s, s, 3] that select and [n, s, s, 3] that calibrate, disjoint -> calibration.

    Also fills the model's `usual` and `deviation` maps, which the heat map is measured by.
    """
    chosen = model.score(select)
    for layer, places in zip(model.stages(), chosen.maps, strict=True):
        layer.usual.copy_(torch.from_numpy(places.mean(axis=0)))
        layer.deviation.copy_(torch.from_numpy(places.std(axis=0)).clamp_min(1e-6))
    calm, rare = np.quantile(strangeness(chosen.maps, model), (0.95, 0.999))
    heat = HeatRange(calm=float(calm), hot=float(calm + 2 * (rare - calm)))
    return Calibration.fit(chosen.total, model.score(genuine).total, heat)
