"""What every one-class signal is: learnt from genuine faces, it turns faces into scores and says what it sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Scores = NDArray[np.float64]
Features = NDArray[np.float32]


@dataclass(frozen=True, eq=False, slots=True)
class Seen:
    """n faces as the networks saw them, computed once and shared by all signals.

    crops: uint8 [n, s, s, 3] RGB, cut by THE recipe. frozen: the means, then the deviations of each stage of the frozen
    backbone, float32 [n, d]. tuned: the same of the tuned copy (`TunedBackbone.look`), where there is one.
    """

    crops: Pixels
    frozen: Features
    tuned: Features | None = None

    def __len__(self) -> int:
        return len(self.crops)


class Signal(Protocol):
    """One one-class signal. `name` is its key in artefacts, API and `--json`; higher scores are stranger or two-sided:
    the fold of the calibration decides what is unusual."""

    @property
    def name(self) -> str: ...

    @classmethod
    def fit(cls, genuine: Seen) -> Self:
        """From genuine training faces alone."""
        ...

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, NDArray[Any]]) -> Self:
        """What `tensors` gave; raises ValueError for shapes that cannot be right."""
        ...

    def tensors(self) -> dict[str, NDArray[Any]]:
        """All that scoring needs, for safetensors: float32, float16 where that loses nothing, or a network's state."""
        ...

    def score(self, faces: Seen) -> Scores:
        """Raw scores float64 [n]."""
        ...

    def describe(self) -> str:
        """One plain sentence for people: what a high or low value means."""
        ...
