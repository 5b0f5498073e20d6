"""Traces of alteration: a small network that has learnt genuine faces beside altered copies of the same faces.

After self-blended images (Shiohara & Yamasaki, CVPR 2022): what it tells apart are genuine training faces and
pseudo-fakes made of them (`training.pseudo_fakes`). It has seen no generator, so it is a one-class signal. `tune
--pseudo-only` teaches it. It stops at stride 16, since blending and smoothing leave their traces in fine texture.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from ..features.tuned import MADE, TunedBackbone, margin
from .base import Scores, Seen
from .muflow import BATCH

STAGES = (2, 3)  # strides 8 and 16: three quarters of a million parameters, where a whole tuned copy has three


@dataclass(frozen=True, eq=False, slots=True)
class Alteration:
    """`net` tells MADE apart and looks at the crops itself. The key is `alteration`."""

    net: TunedBackbone

    def __post_init__(self) -> None:
        if self.net.classes != MADE:
            raise ValueError(
                f"a one-class signal has learnt {', '.join(MADE)} and nothing else, not {', '.join(self.net.classes)}"
            )
        if self.net.stages != STAGES:
            raise ValueError(f"its network ends at stage {STAGES[-1]}, not {self.net.stages[-1]}")

    @classmethod
    def fit(cls, genuine: Seen) -> Self:
        """Raises ValueError: to teach a network takes a run of its own, which `fit --alteration` is given."""
        raise ValueError(
            f"{len(genuine)} faces cannot teach it here: traces of alteration are learnt by `tune --pseudo-only`"
        )

    def to(self, device: torch.device) -> Self:
        """The network moved to `device`."""
        return type(self)(self.net.to(device))

    @property
    def name(self) -> str:
        return "alteration"

    def score(self, faces: Seen) -> Scores:
        """Log-odds of any alteration against none, float64 [n]."""
        starts = range(0, len(faces), BATCH)
        logits = [self.net.look(faces.crops[at : at + BATCH])[1] for at in starts]
        exact = torch.from_numpy(np.concatenate([np.zeros((0, len(MADE)), np.float32), *logits])).double()
        return np.asarray(margin(exact).numpy())

    def tensors(self) -> dict[str, NDArray[Any]]:
        return {name: value.cpu().numpy() for name, value in self.net.compact().items()}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, NDArray[Any]]) -> Self:
        try:
            return cls(TunedBackbone.filled(MADE, {name: torch.from_numpy(each) for name, each in tensors.items()}))
        except ValueError as error:
            raise ValueError(f"the network that sees alterations is another: {error}") from error

    def describe(self) -> str:
        return (
            "How much the picture looks like a genuine one that was blended or smoothed, to a network that has seen "
            "genuine faces and such copies of them; low is more typical than genuine faces are."
        )
