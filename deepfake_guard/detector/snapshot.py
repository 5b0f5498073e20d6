"""What is made of a module's tensors for scoring, kept until one of them changes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import Any, Generic, TypeVar

import torch
from torch import nn

Made = TypeVar("Made")


class Snapshot(Generic[Made]):
    """`of(module)` calls `make(module)` the first time, and again when a parameter or buffer was written to or moved.

    Writes are seen by autograd's version counter, which every write in place raises, an optimiser's and
    `load_state_dict`'s too. Tensors made in inference mode have none: with them nothing is kept.
    """

    def __init__(self, make: Callable[[Any], Made]) -> None:
        self._make = make
        self._made: Made | None = None
        self._stamp: list[tuple[int, int]] | None = None

    def of(self, module: nn.Module) -> Made:
        """What `make` gives for the module as it is now."""
        tensors = list(chain(module.parameters(), module.buffers()))
        counted = not any(tensor.is_inference() for tensor in tensors)
        stamp = [(tensor.data_ptr(), tensor._version) for tensor in tensors] if counted else None
        if self._made is None or stamp is None or stamp != self._stamp:
            with torch.inference_mode(False), torch.no_grad():
                self._made = self._make(module)
            self._stamp = stamp
        return self._made
