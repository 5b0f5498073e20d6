"""What tuning is shown: couples of a genuine face and a fake, degraded alike, the same whenever a batch is made."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from ..features.tuned import GENUINE, RESYNTHESISED, SELF_BLEND
from ..manifest import FaceSet
from . import degrade, pseudo_fakes
from .crops import Pixels

BLOCKS = 7  # of lite0


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
        if not 0 <= self.still <= BLOCKS:
            raise ValueError(f"0 to {BLOCKS} blocks are left as they are, not {self.still}")

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
    """Genuine crops uint8 [n, s, s, 3] by source, fake ones by generator, pairs: (generator, row of the fakes) ->
    (source, row of the genuine), and the family of each generator.

    sets: what is behind each source and generator, for the manifest; empty: nobody says.
    """

    genuine: Mapping[str, Pixels]
    fakes: Mapping[str, Pixels] = field(default_factory=dict)
    pairs: Mapping[tuple[str, int], tuple[str, int]] = field(default_factory=dict)
    families: Mapping[str, str] = field(default_factory=dict)
    sets: Mapping[str, Sequence[FaceSet]] = field(default_factory=dict)

    def classes(self) -> tuple[str, ...]:
        """What the softmax tells apart."""
        return (GENUINE, *sorted(self.fakes), SELF_BLEND, RESYNTHESISED)


@dataclass(frozen=True, eq=False, slots=True)
class Couple:
    """A fake of the class `name` beside a genuine face, and what they were made from: (generator or source, row)."""

    fake: Pixels
    genuine: Pixels
    name: str
    origins: frozenset[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Pupil:
    """A head that learns from a stream of couples, and what it must not see.

    name: of its folder below the run's, "" the run's own. without: generators and genuine sources as a whole; held:
    single fakes and the genuine halves of their pairs.
    """

    name: str = ""
    without: frozenset[str] = frozenset()
    held: frozenset[tuple[str, int]] = frozenset()

    def sees(self, couple: Couple) -> bool:
        """Whether nothing of the couple is kept from it."""
        return not any(name in self.without or (name, row) in self.held for name, row in couple.origins)

    def classes(self, lessons: Lessons) -> tuple[str, ...]:
        """What its softmax tells apart."""
        return tuple(name for name in lessons.classes() if name not in self.without)

    def sets(self, lessons: Lessons) -> list[FaceSet]:
        """What it learns from, as far as the lessons say."""
        return [each for name, sets in lessons.sets.items() if name not in self.without for each in sets]


class Batches(torch.utils.data.Dataset[tuple[Tensor, Tensor, Tensor]]):
    """Batch number `step`, the same whenever it is made: (uint8 [b, 3, patch, patch], class int64 [b], bool [p, b]:
    which of the p pupils see it)."""

    def __init__(self, lessons: Lessons, plan: Plan, pupils: Sequence[Pupil] = (Pupil(),)) -> None:
        self.lessons, self.plan, self.pupils = lessons, plan, pupils
        self.number = {name: at for at, name in enumerate(lessons.classes())}

    def __len__(self) -> int:
        return self.plan.steps

    def __getitem__(self, step: int) -> tuple[Tensor, Tensor, Tensor]:
        rng = np.random.default_rng((self.plan.seed, step))
        pictures, labels, seen = [], [], []
        for couple in self._couples(rng):
            seed = int(rng.integers(2**32))
            sees = [pupil.sees(couple) for pupil in self.pupils]
            for picture, label in ((couple.genuine, GENUINE), (couple.fake, couple.name)):
                pictures.append(degrade.for_tuning(picture, np.random.default_rng(seed), self.plan.patch))
                labels.append(self.number[label])
                seen.append(sees)
        stacked = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous()
        return stacked, torch.tensor(labels), torch.tensor(seen).T.contiguous()

    def _couples(self, rng: np.random.Generator) -> Iterator[Couple]:
        """Half a batch of them; true pairs where there are any."""
        lessons = self.lessons
        for _ in range(self.plan.batch // 2):
            source = self._genuine(rng)
            if not lessons.fakes or rng.random() < self.plan.blends:
                yield self._pseudo(source, rng)
                continue
            name = str(rng.choice(sorted(lessons.fakes)))
            fake = name, int(rng.integers(len(lessons.fakes[name])))
            source = lessons.pairs.get(fake, source)
            yield Couple(lessons.fakes[name][fake[1]], self._face(source), name, frozenset({fake, source}))

    def _genuine(self, rng: np.random.Generator) -> tuple[str, int]:
        source = str(rng.choice(sorted(self.lessons.genuine)))
        return source, int(rng.integers(len(self.lessons.genuine[source])))

    def _face(self, source: tuple[str, int]) -> Pixels:
        face: Pixels = self.lessons.genuine[source[0]][source[1]]
        return face

    def _pseudo(self, source: tuple[str, int], rng: np.random.Generator) -> Couple:
        face = self._face(source)
        if rng.random() < 0.25:
            return Couple(pseudo_fakes.resynthesised(face, rng), face, RESYNTHESISED, frozenset({source}))
        other = self._genuine(rng) if rng.random() < 0.3 else None
        fake = pseudo_fakes.self_blend(face, rng, other and self._face(other))
        return Couple(fake, face, SELF_BLEND, frozenset({source, other or source}))
