"""Fitting the one-class signals, comparing them, and choosing which of them together say most.

The choice sees genuine selection faces and pseudo-fakes made of them, nothing else. Comparing against head-fake is for
reports and for the full set; what it says must not reach the strange-only set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..calibration import Fold
from ..signals.base import Features, Pixels, Scores, Seen, Signal
from ..signals.mahalanobis import Mahalanobis
from ..signals.neighbours import Neighbours
from ..signals.part import Part
from ..signals.residual import Residual
from ..signals.sensitivity import Sensitivity
from . import degrade, pseudo_fakes
from .statistics import auc

PSEUDO = ("self-blend", "other-blend", "resynthesised")
GAIN = 0.005  # what a further signal must add to the mean AUC on pseudo-fakes


def fit_signals(
    genuine: Seen, channels: Mapping[str, Sequence[int]], embeds: Mapping[str, Callable[[Pixels], Features]]
) -> list[Signal]:
    """Every signal on every backbone there is, from genuine training faces [n], n > 5.

    channels: of each stage, by space ("frozen", and "tuned" where there is a tuned copy); embeds: crops -> all features
    of that space, for the sensitivity.
    """
    signals: list[Signal] = [Residual.fit(genuine)]
    for space, widths in channels.items():
        middle = Part.stages(space, widths, max(0, len(widths) - 3), len(widths) - 2)
        signals.append(Mahalanobis.fit(genuine, Part.stages(space, widths)))
        signals.append(Neighbours.fit(genuine, middle))
        signals.append(Sensitivity.fit(genuine, Part.stages(space, widths), embed=embeds[space]))
    return signals


@dataclass(frozen=True, slots=True)
class Row:
    """How one signal tells n faces of a collection from genuine ones: the areas under its curve."""

    signal: str
    collection: str
    n: int
    one_sided: float
    folded: float


def compare(scores: Mapping[str, Mapping[str, Scores]], genuine: str) -> Iterator[Row]:
    """scores: raw, by signal, then by collection; `genuine` names the collection that gives fold and comparison."""
    for signal, collections in scores.items():
        usual = collections[genuine]
        fold = Fold.fit(usual)
        for name, raw in collections.items():
            if name != genuine:
                yield Row(signal, name, len(raw), auc(raw, usual)[0], auc(fold(raw), fold(usual))[0])


def pseudo_faces(select: Pixels, seed: int = 0) -> dict[str, Pixels]:
    """Selection faces uint8 [n, s, s, 3] -> "genuine" and each kind of `PSEUDO`, n of each, recut alike.

    All lose a few pixels of their border, come back to s px and through JPEG 92: else the genuine ones alone would
    carry the JPEG grid of their files, and any signal that sees the grid would look good.
    """
    kinds: dict[str, Callable[[Pixels, np.random.Generator], Pixels]] = {
        "genuine": lambda face, _: face,
        "self-blend": pseudo_fakes.self_blend,
        "other-blend": lambda face, rng: pseudo_fakes.self_blend(face, rng, select[rng.integers(len(select))]),
        "resynthesised": pseudo_fakes.resynthesised,
    }
    return {
        kind: np.stack(
            [_recut(make(face, np.random.default_rng((seed, at, 1))), seed + at) for at, face in enumerate(select)]
        )
        for kind, make in kinds.items()
    }


def _recut(face: Pixels, seed: int) -> Pixels:
    """Alike for a face and what was made of it."""
    side = face.shape[0]
    left, top, right, bottom = np.random.default_rng(seed).integers(1, max(2, side // 20), 4)
    whole = Image.fromarray(face)
    cut = whole.resize((side, side), Image.Resampling.LANCZOS, box=(left, top, side - right, side - bottom))
    return np.asarray(degrade.encode(cut, "JPEG", 92))


def choose(scores: Mapping[str, Mapping[str, Scores]], genuine: str, always: Sequence[str] = ()) -> list[str]:
    """Names of the signals whose greatest folded score tells most, added one by one while they pay (`GAIN`).

    scores: as `compare`, the other collections pseudo-fakes of the same faces; always: kept whatever they add.
    """
    folded = {name: _folded(each, genuine) for name, each in scores.items()}
    chosen = list(always)
    best = _together([folded[name] for name in chosen], genuine) if chosen else 0.5
    while left := [name for name in folded if name not in chosen]:
        areas = {name: _together([folded[kept] for kept in (*chosen, name)], genuine) for name in left}
        name = max(areas, key=lambda each: areas[each])
        if areas[name] < best + GAIN:
            break
        chosen, best = [*chosen, name], areas[name]
    return chosen


def _folded(scores: Mapping[str, Scores], genuine: str) -> dict[str, Scores]:
    fold = Fold.fit(scores[genuine])
    return {name: fold(raw) for name, raw in scores.items()}


def _together(folded: Sequence[Mapping[str, Scores]], genuine: str) -> float:
    """Mean AUC over the collections of the greatest of the folded scores."""
    fused: dict[str, NDArray[np.float64]] = {
        name: np.max([each[name] for each in folded], axis=0) for name in folded[0]
    }
    return float(np.mean([auc(fused[name], fused[genuine])[0] for name in fused if name != genuine]))
