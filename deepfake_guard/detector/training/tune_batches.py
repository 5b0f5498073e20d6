"""What tuning is shown: couples of a genuine face and a fake, degraded alike, the same whenever a batch is made."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from ..heads.tuned import GENUINE
from . import degrade, pseudo_fakes
from .crops import Pixels

SELF_BLEND, RESYNTHESISED = "self-blend", "resynthesised"


@dataclass(frozen=True, slots=True)
class Plan:
    """faces: how many are seen in all; patch: side of the random crop trained on; blends: the share of each batch that
    is pseudo-fakes with their genuine halves; batch: faces a step, half of them genuine; still: so many of the first
    blocks (and the stem, where any) are left as they are, which is 1.5 times as fast with two."""

    faces: int = 40_000
    batch: int = 32
    patch: int = 160
    blends: float = 0.3
    lr: float = 4e-4
    weight_decay: float = 0.02
    warm_up: float = 0.05
    still: int = 0
    sphere: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.batch < 2:
            raise ValueError(f"a batch holds a genuine face and a fake, not {self.batch}")
        if self.faces < self.batch:
            raise ValueError(f"a run sees at least one batch of {self.batch} faces, not {self.faces}")

    @staticmethod
    def rate(batch: int) -> float:
        """The learning rate for a batch: 4e-4 at 32, growing with the root of the batch as Adam's steps do
        (Malladi et al., arXiv 2205.10287)."""
        return 4e-4 * math.sqrt(batch / 32)

    @property
    def steps(self) -> int:
        """Optimiser steps in all."""
        return self.faces // self.batch


@dataclass(frozen=True, eq=False)
class Lessons:
    """Genuine crops uint8 [n, s, s, 3] by source, fake ones by generator, and pairs: (generator, row of the fakes) ->
    (source, row of the genuine)."""

    genuine: Mapping[str, Pixels]
    fakes: Mapping[str, Pixels] = field(default_factory=dict)
    pairs: Mapping[tuple[str, int], tuple[str, int]] = field(default_factory=dict)

    def classes(self) -> tuple[str, ...]:
        """What the softmax tells apart."""
        return (GENUINE, *sorted(self.fakes), SELF_BLEND, RESYNTHESISED)


class Batches(torch.utils.data.Dataset[tuple[Tensor, Tensor]]):
    """Batch number `step`, the same whenever it is made: (uint8 [b, 3, patch, patch], class int64 [b])."""

    def __init__(self, lessons: Lessons, plan: Plan) -> None:
        self.lessons, self.plan = lessons, plan
        self.number = {name: at for at, name in enumerate(lessons.classes())}

    def __len__(self) -> int:
        return self.plan.steps

    def __getitem__(self, step: int) -> tuple[Tensor, Tensor]:
        rng = np.random.default_rng((self.plan.seed, step))
        pictures, labels = [], []
        for fake, genuine, name in self._couples(rng):
            seed = int(rng.integers(2**32))
            for picture, label in ((genuine, GENUINE), (fake, name)):
                pictures.append(degrade.for_tuning(picture, np.random.default_rng(seed), self.plan.patch))
                labels.append(self.number[label])
        stacked = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous()
        return stacked, torch.tensor(labels)

    def _couples(self, rng: np.random.Generator) -> Iterator[tuple[Pixels, Pixels, str]]:
        """(fake, genuine, generator), half a batch of them; true pairs where there are any."""
        lessons = self.lessons
        for _ in range(self.plan.batch // 2):
            source, row = self._genuine(rng)
            face = lessons.genuine[source][row]
            if not lessons.fakes or rng.random() < self.plan.blends:
                yield self._pseudo(face, rng)
                continue
            name = str(rng.choice(sorted(lessons.fakes)))
            at = int(rng.integers(len(lessons.fakes[name])))
            if (pair := lessons.pairs.get((name, at))) is not None:
                face = lessons.genuine[pair[0]][pair[1]]
            yield lessons.fakes[name][at], face, name

    def _genuine(self, rng: np.random.Generator) -> tuple[str, int]:
        source = str(rng.choice(sorted(self.lessons.genuine)))
        return source, int(rng.integers(len(self.lessons.genuine[source])))

    def _pseudo(self, face: Pixels, rng: np.random.Generator) -> tuple[Pixels, Pixels, str]:
        if rng.random() < 0.25:
            return pseudo_fakes.resynthesised(face, rng), face, RESYNTHESISED
        other = None
        if rng.random() < 0.3:
            source, row = self._genuine(rng)
            other = self.lessons.genuine[source][row]
        return pseudo_fakes.self_blend(face, rng, other), face, SELF_BLEND
