"""Heads that learn beside the whole one from the same stream of faces: one without each family, one without some fakes.

What a head says of the fakes that were kept from it is the only thing here that promises anything about others.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from ..features.tuned import TunedBackbone, margin
from .crops import FAMILIES, DataError, Pixels
from .fit_gaussian import batches
from .statistics import Floats, auc
from .tune_batches import Lessons, Pupil

WHOLE = Pupil()


def without(lessons: Lessons, family: str) -> Pupil:
    """A head that never sees a family: neither its fakes nor the genuine sources that they were made from.

    Raises DataError where nothing else, or nothing of the family, is in the lessons.
    """
    generators = {name for name, each in lessons.families.items() if each == family}
    sources = {source for (generator, _), (source, _) in lessons.pairs.items() if generator in generators}
    if not generators:
        raise DataError(
            f"no fake is of the family {family!r}: there are {', '.join(sorted(lessons.families.values()))}"
        )
    if not lessons.genuine.keys() - sources:
        raise DataError(f"without {family} no genuine face is left to learn from")
    return Pupil(f"without-{family}", frozenset(generators | sources))


def held_back(lessons: Lessons, every: int) -> Pupil:
    """A head that never sees one in `every` fakes of each generator, nor the genuine halves of their pairs."""
    fakes = {(name, row) for name, crops in lessons.fakes.items() for row in range(0, len(crops), every)}
    return Pupil("held-back", held=frozenset(fakes | {lessons.pairs[fake] for fake in fakes if fake in lessons.pairs}))


def pupils(lessons: Lessons, *, folds: bool, every: int) -> list[Pupil]:
    """The whole head first; folds: one without each family there is; every: also one that a part is held back from."""
    families = [family for family in FAMILIES if family in lessons.families.values()] if folds else []
    return [WHOLE, *(without(lessons, family) for family in families), *([held_back(lessons, every)] if every else [])]


def left_out(
    model: TunedBackbone, pupil: Pupil, lessons: Lessons, select: Pixels
) -> dict[str, tuple[int, float, float, float]]:
    """Generator -> (n, AUC of the margin, DeLong's 95 % interval) of the fakes that were kept from a head.

    Beside genuine selection faces uint8 [m, s, s, 3]; swaps beside the genuine halves of their pairs, kept from it too.
    """
    found = {}
    genuine = _margins(model, select)
    for name, crops in lessons.fakes.items():
        kept = [row for row in range(len(crops)) if name in pupil.without or (name, row) in pupil.held]
        if not kept:
            continue
        halves = [lessons.pairs[name, row] for row in kept if (name, row) in lessons.pairs]
        beside = (
            _margins(model, np.stack([lessons.genuine[source][row] for source, row in halves])) if halves else genuine
        )
        found[name] = (len(kept), *auc(_margins(model, crops[kept]), beside))
    return found


def entries(found: Mapping[str, tuple[int, float, float, float]]) -> dict[str, dict[str, object]]:
    """JSON-ready."""
    return {
        name: {"n": n, "auc": round(area, 4), "interval": [round(low, 4), round(high, 4)]}
        for name, (n, area, low, high) in found.items()
    }


def _margins(model: TunedBackbone, crops: Pixels) -> Floats:
    """Log-odds of crops uint8 [n, s, s, 3] -> float64 [n]."""
    device = model.directions.device
    with torch.inference_mode():
        parts = [margin(model(batch.to(device))[1]).cpu().double().numpy() for batch in batches(crops)]
    return np.concatenate(parts)
