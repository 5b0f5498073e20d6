"""Which numbers of a face a signal on pooled features reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .base import Features, Seen

SPACES = ("frozen", "tuned")


@dataclass(frozen=True, slots=True)
class Part:
    """Columns start … stop of the features of one backbone; stop None means up to the last."""

    space: str = "frozen"
    start: int = 0
    stop: int | None = None

    def __post_init__(self) -> None:
        if self.space not in SPACES:
            raise ValueError(f"unknown features {self.space!r}: use one of {', '.join(SPACES)}")
        if self.start < 0 or (self.stop is not None and self.stop <= self.start):
            raise ValueError(f"columns {self.start} … {self.stop} are none")

    @classmethod
    def stages(cls, space: str, channels: Sequence[int], first: int = 0, last: int | None = None) -> Part:
        """The stages first … last (the last one counts; None: all) of stages with so many channels each, where every
        stage gives its means, then its deviations."""
        ends = np.cumsum([0, *(2 * width for width in channels)])
        return cls(space, int(ends[first]), int(ends[len(channels) if last is None else last + 1]))

    def of(self, faces: Seen) -> Features:
        """float32 [n, stop - start]; raises ValueError where the faces lack these features."""
        whole = faces.frozen if self.space == "frozen" else faces.tuned
        if whole is None:
            raise ValueError("these faces have no tuned features: the artefact has no tuned backbone")
        if whole.ndim != 2 or whole.shape[1] < (self.stop or self.start + 1):
            raise ValueError(
                f"{self.space} features have the shape {whole.shape}: no columns {self.start} … {self.stop}"
            )
        return np.asarray(whole[:, self.start : self.stop], dtype=np.float32)

    def named(self, signal: str) -> str:
        """The key of a signal that reads this part."""
        return signal if self.space == "frozen" else f"{self.space}_{signal}"

    def tensor(self) -> NDArray[np.float32]:
        """float32 [3], for an artefact: the backbone's number, start, stop (-1 for None)."""
        return np.array([SPACES.index(self.space), self.start, -1 if self.stop is None else self.stop], np.float32)

    @classmethod
    def from_tensor(cls, tensor: NDArray[np.float32]) -> Part:
        """What `tensor` gave; raises ValueError for anything else."""
        if tensor.shape != (3,) or not 0 <= tensor[0] < len(SPACES):
            raise ValueError("a signal's part is three numbers: backbone, start, stop")
        stop = int(tensor[2])
        return cls(SPACES[int(tensor[0])], int(tensor[1]), None if stop < 0 else stop)
