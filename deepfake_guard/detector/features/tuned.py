"""A tuned copy of lite0: an embedding on the sphere, and one logit for genuine and for whatever else it learnt.

After GenD (arXiv 2508.06248): the embedding is L2-normalised, and what was learnt from is kept beside it by name.
Taught with fakes it is a head, taught with altered copies of genuine faces alone (MADE) a one-class signal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from ..snapshot import Snapshot
from .folding import folded
from .lite0 import MEAN, STD, checkpoint_path, convert
from .lite0_net import Lite0
from .moments import moments

STAGES = (2, 3, 4)  # strides 8, 16, 32
CHANNELS = (40, 112, 320)
EMBEDDED = 128
GENUINE, SELF_BLEND, RESYNTHESISED = "genuine", "self-blend", "resynthesised"
MADE = (GENUINE, SELF_BLEND, RESYNTHESISED)  # what is told apart by genuine faces and altered copies of them alone
TEMPERATURE = 16.0  # what a cosine is multiplied with before the softmax


class TunedBackbone(nn.Module):
    """lite0 up to the last of `stages`, its batch statistics frozen; `classes[0]` is always "genuine"."""

    def __init__(self, classes: Sequence[str], stages: Sequence[int] = STAGES) -> None:
        super().__init__()
        if not classes or classes[0] != GENUINE or len(set(classes)) != len(classes):
            raise ValueError(f"classes are distinct and begin with {GENUINE!r}, got {list(classes)}")
        self.classes, self.stages = tuple(classes), tuple(stages)
        self.net = Lite0(stages)
        self._quick = Snapshot(folded)
        pooled = 2 * sum(self.net.channels)  # mean and deviation of each stage
        self.norm = nn.LayerNorm(pooled)
        self.project = nn.Linear(pooled, EMBEDDED)
        self.directions = nn.Parameter(F.normalize(torch.randn(len(self.classes), EMBEDDED)))
        self.eval()

    @classmethod
    def imagenet(cls, classes: Sequence[str], seed: int, stages: Sequence[int] = STAGES) -> Self:
        """ImageNet weights below, a seeded random projection above."""
        full = convert(checkpoint_path())
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = cls(classes, stages)
        model.net.load_state_dict({name: full[name] for name in model.net.state_dict()}, strict=True)
        return model

    @classmethod
    def filled(cls, classes: Sequence[str], tensors: Mapping[str, Tensor]) -> Self:
        """With these weights, for scoring; their width says how many of STAGES there are.

        Raises ValueError for weights of another network.
        """
        widths = {(2 * sum(CHANNELS[:count]),): count for count in range(1, len(STAGES) + 1)}
        shape = tuple(tensors["norm.weight"].shape) if "norm.weight" in tensors else ()
        if shape not in widths:
            raise ValueError(f"the moments it takes, {list(shape)}, are of no stages of lite0")
        model = cls(classes, STAGES[: widths[shape]])
        try:
            model.load_state_dict(dict(tensors), strict=True)
        except RuntimeError as error:
            raise ValueError(str(error)) from error
        return model.requires_grad_(False)

    def rounded(self) -> Self:
        """A copy for scoring whose weights half precision holds, so that `compact` is half as large."""
        half = {name: _half(value) for name, value in self.state_dict().items()}
        return type(self).filled(self.classes, half).to(self.directions.device)

    def compact(self) -> dict[str, Tensor]:
        """The state that `filled` takes, exactly: float16 where that holds every value of a tensor."""
        return {name: _compact(value.detach()) for name, value in self.state_dict().items()}

    def train(self, mode: bool = True) -> Self:  # noqa: ARG002
        """Stay in inference mode: batch statistics never move (batches are small and half of them is made up)."""
        return super().train(False)

    def maps(self, pixels: Tensor) -> list[Tensor]:
        """uint8 or float [n, 3, h, w] in 0..255, RGB -> a map [n, C, h/s, w/s] of each stage, s = 8, 16, 32."""
        learning = torch.is_grad_enabled() and any(part.requires_grad for part in self.net.parameters())
        tracing = torch.jit.is_tracing()  # type: ignore[attr-defined,no-untyped-call]
        net = self.net if learning or tracing else self._quick.of(self.net)
        maps: list[Tensor] = net(((pixels / 255.0 - MEAN) / STD).contiguous(memory_format=torch.channels_last))
        return maps

    def look(self, crops: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Face crops uint8 [n, s, s, 3] RGB, n >= 1 -> moments of their maps [n, d], logits [n, classes], float32."""
        with torch.inference_mode():
            pixels = torch.from_numpy(np.ascontiguousarray(crops)).permute(0, 3, 1, 2).to(self.directions.device)
            pooled = moments(self.maps(pixels))
            logits = self.logits(self.embed(pooled))
        return pooled.float().cpu().numpy(), logits.float().cpu().numpy()

    def embed(self, pooled: Tensor) -> Tensor:
        """Moments of the maps [n, d] (944 of three stages) -> [n, 128], of length 1."""
        return F.normalize(self.project(self.norm(pooled)), dim=1)

    def logits(self, embedded: Tensor) -> Tensor:
        """[n, 128] -> [n, classes]."""
        return TEMPERATURE * embedded @ F.normalize(self.directions, dim=1).T

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Pixels as in `maps` -> (embedding [n, 128], logits [n, classes])."""
        embedded = self.embed(moments(self.maps(pixels)))
        return embedded, self.logits(embedded)


def _half(values: Tensor) -> Tensor:
    """float16, but for counts and for what lies outside its range."""
    fits = values.is_floating_point() and values.abs().max() <= torch.finfo(torch.float16).max
    return values.half() if fits else values


def _compact(values: Tensor) -> Tensor:
    half = _half(values)
    return half if torch.equal(half.to(values.dtype), values) else values


def margin(logits: Tensor) -> Tensor:
    """[n, classes] -> [n]: log-odds of anything else against genuine; higher = more suspicious."""
    return torch.logsumexp(logits[:, 1:], dim=1) - logits[:, 0]
