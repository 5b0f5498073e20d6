"""A tuned copy of the backbone: an embedding on the sphere, and one logit for genuine and for each known generator.

After GenD (arXiv 2508.06248): the embedding is L2-normalised, and what was learnt from is kept beside it by name.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..features import MEAN, STD, Lite0, checkpoint_path, convert, folded, moments
from ..snapshot import Snapshot

STAGES = (2, 3, 4)  # strides 8, 16, 32
CHANNELS = (40, 112, 320)
POOLED = 2 * sum(CHANNELS)  # mean and deviation of each stage
EMBEDDED = 128
GENUINE = "genuine"
TEMPERATURE = 16.0  # what a cosine is multiplied with before the softmax


class TunedBackbone(nn.Module):
    """lite0 whole, its batch statistics frozen; `classes[0]` is always "genuine"."""

    def __init__(self, classes: Sequence[str]) -> None:
        super().__init__()
        if not classes or classes[0] != GENUINE or len(set(classes)) != len(classes):
            raise ValueError(f"classes are distinct and begin with {GENUINE!r}, got {list(classes)}")
        self.classes = tuple(classes)
        self.net = Lite0(STAGES)
        self._quick = Snapshot(folded)
        self.norm = nn.LayerNorm(POOLED)
        self.project = nn.Linear(POOLED, EMBEDDED)
        self.directions = nn.Parameter(F.normalize(torch.randn(len(self.classes), EMBEDDED)))
        self.eval()

    @classmethod
    def imagenet(cls, classes: Sequence[str], seed: int) -> TunedBackbone:
        """ImageNet weights below, a seeded random projection above."""
        full = convert(checkpoint_path())
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = cls(classes)
        model.net.load_state_dict({name: full[name] for name in model.net.state_dict()}, strict=True)
        return model

    def train(self, mode: bool = True) -> TunedBackbone:  # noqa: ARG002
        """Stay in inference mode: batch statistics never move (batches are small and half of them is made up)."""
        return super().train(False)

    def maps(self, pixels: Tensor) -> list[Tensor]:
        """uint8 or float [n, 3, h, w] in 0..255, RGB -> feature maps [n, C, h/s, w/s], s = 8, 16, 32."""
        learning = torch.is_grad_enabled() and any(part.requires_grad for part in self.net.parameters())
        tracing = torch.jit.is_tracing()  # type: ignore[attr-defined,no-untyped-call]
        net = self.net if learning or tracing else self._quick.of(self.net)
        maps: list[Tensor] = net(((pixels / 255.0 - MEAN) / STD).contiguous(memory_format=torch.channels_last))
        return maps

    def embed(self, pooled: Tensor) -> Tensor:
        """Moments of the maps [n, 944] -> [n, 128], of length 1."""
        return F.normalize(self.project(self.norm(pooled)), dim=1)

    def logits(self, embedded: Tensor) -> Tensor:
        """[n, 128] -> [n, classes]."""
        return TEMPERATURE * embedded @ F.normalize(self.directions, dim=1).T

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Pixels as in `maps` -> (embedding [n, 128], logits [n, classes])."""
        embedded = self.embed(moments(self.maps(pixels)))
        return embedded, self.logits(embedded)


def margin(logits: Tensor) -> Tensor:
    """[n, classes] -> [n]: log-odds of any known generator against genuine; higher = more suspicious."""
    return torch.logsumexp(logits[:, 1:], dim=1) - logits[:, 0]
