"""The one-class signals there are to choose from, and which of them together say most.

The choice sees genuine selection faces and pseudo-fakes made of them, nothing else. How they fare against head-fake is
for reports (`ablate`) and for the full set; what that says must not reach the strange-only set.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..calibration import Fold
from ..signals.base import Features, Pixels, Scores, Seen, Signal
from ..signals.mahalanobis import Mahalanobis
from ..signals.neighbours import METRICS, Neighbours
from ..signals.part import Part
from ..signals.residual import Residual
from ..signals.sensitivity import Sensitivity
from . import degrade, pseudo_fakes
from .statistics import auc

GENUINE = "genuine"
PSEUDO = ("self-blend", "other-blend", "resynthesised")
GAIN = 0.005  # what a further signal must add to the mean AUC on pseudo-fakes
# Of the last stage: what `choose` added to µFlow on select-real and resynthesised copies of it, which stand for
# pictures made as a whole (docs/accuracy.md, "One-class signals"). Those on tuned features did not pay: what they find
# is what the head was taught, and many genuine faces of sources that it has not met.
SHIPPED = ("mahalanobis", "neighbours (euclidean)")
# What `fit --shadow` puts beside these, outside both formulas: key in the artefact -> name here.
SHADOWS = {
    "residual": "residual and spectrum",
    "sensitivity": "sensitivity",
    "neighbours_cosine": "neighbours (cosine), stage {last}",
    "tuned_mahalanobis": "tuned mahalanobis",
    "tuned_neighbours": "tuned neighbours",
}


def fits(
    channels: Sequence[int], embed: Callable[[Pixels], Features] | None = None
) -> dict[str, Callable[[Seen], Signal]]:
    """Name -> what fits that signal on genuine training faces, on features of the frozen backbone.

    channels: of each stage. embed: crops -> those features, for the sensitivity, which without it is left out.
    """
    found: dict[str, Callable[[Seen], Signal]] = {"residual and spectrum": Residual.fit}
    found |= fits_pooled("frozen", channels)
    if embed is not None:
        found["sensitivity"] = partial(Sensitivity.fit, embed=embed)
    return found


def fits_tuned() -> dict[str, Callable[[Seen], Signal]]:
    """A Gaussian and neighbours of genuine faces on all features of a tuned head, which has seen fakes."""
    part = Part("tuned")
    return {
        "tuned mahalanobis": partial(mahalanobis, part=part),
        "tuned neighbours": partial(Neighbours.fit, part=part, metric="euclidean"),
    }


def fits_pooled(space: str, channels: Sequence[int]) -> dict[str, Callable[[Seen], Signal]]:
    """Mahalanobis and neighbours on pooled features, "frozen" or "tuned": of all stages together, and of each."""
    found: dict[str, Callable[[Seen], Signal]] = {}
    parts = {"all stages": Part.stages(space, channels)}
    parts |= {f"stage {at + 1}": Part.stages(space, channels, at, at) for at in range(len(channels))}
    for where, part in parts.items():
        found[f"mahalanobis, {where}"] = partial(mahalanobis, part=part)
        for metric in METRICS:
            found[f"neighbours ({metric}), {where}"] = partial(Neighbours.fit, part=part, metric=metric)
    return found


def shipped(channels: Sequence[int]) -> dict[str, Callable[[Seen], Signal]]:
    """Those of `fits` that ship, by their names in `SHIPPED`: of the last of stages with so many channels each."""
    known = fits(channels)
    return {name: known[f"{name}, stage {len(channels)}"] for name in SHIPPED}


def mahalanobis(genuine: Seen, part: Part | None = None) -> Mahalanobis:
    """Of as many directions as so few faces can fill."""
    return Mahalanobis.fit(genuine, part, rank=min(96, len(genuine) - 1))


def pseudo_faces(select: Pixels, seed: int = 0) -> dict[str, Pixels]:
    """Selection faces uint8 [n, s, s, 3] -> GENUINE and each kind of `PSEUDO`, n of each, recut alike.

    All lose a few pixels of their border, come back to s px and through JPEG 92: else the genuine ones alone would
    carry the JPEG grid of their files, and any signal that sees the grid would look good.
    """
    kinds: dict[str, Callable[[Pixels, np.random.Generator], Pixels]] = {
        GENUINE: lambda face, _: face,
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


def choose(scores: Mapping[str, Mapping[str, Scores]], always: Sequence[str] = ()) -> list[str]:
    """Names of the signals whose greatest folded score tells most, added one by one while they pay (`GAIN`).

    scores: raw, by signal, then by kind of `pseudo_faces`, of which GENUINE gives fold and comparison; always: kept
    whatever they add.
    """
    folded = {name: _folded(each) for name, each in scores.items()}
    chosen = list(always)
    best = _together([folded[name] for name in chosen]) if chosen else 0.5
    while left := [name for name in folded if name not in chosen]:
        areas = {name: _together([folded[kept] for kept in (*chosen, name)]) for name in left}
        name = max(areas, key=lambda each: areas[each])
        if areas[name] < best + GAIN:
            break
        chosen, best = [*chosen, name], areas[name]
    return chosen


def _folded(scores: Mapping[str, Scores]) -> dict[str, Scores]:
    fold = Fold.fit(scores[GENUINE])
    return {name: fold(raw) for name, raw in scores.items()}


def _together(folded: Sequence[Mapping[str, Scores]]) -> float:
    """Mean AUC over the collections of the greatest of the folded scores."""
    fused: dict[str, NDArray[np.float64]] = {
        name: np.max([each[name] for each in folded], axis=0) for name in folded[0]
    }
    return float(np.mean([auc(fused[name], fused[GENUINE])[0] for name in fused if name != GENUINE]))
