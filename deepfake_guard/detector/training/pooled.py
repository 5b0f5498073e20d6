"""Pooled features of the frozen backbone for many crops, computed once and kept."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from . import crops as listing
from .crops import Crop, Pixels
from .evaluation_table import Say, silent

BATCH = 64

Features = NDArray[np.float32]
Embed = Callable[[Pixels], Features]


def pooled(embed: Embed, data: Path, crops: Sequence[Crop], kept: Path | None = None, say: Say = silent) -> Features:
    """float32 [n, d] in the order of the crops; `embed` turns uint8 [n, s, s, 3] into it (`MuFlow.pooled`).

    kept: an .npz that is read first and written afterwards, by the SHA-256 of each crop's file. It does not know which
    backbone it came from: one file for one backbone.
    """
    shown = {crop.path: hashlib.sha256((data / crop.path).read_bytes()).hexdigest() for crop in crops}
    known: dict[str, Features] = {}
    if kept is not None and kept.is_file():
        with np.load(kept, allow_pickle=False) as stored:
            known = dict(zip(stored["files"].tolist(), stored["features"], strict=True)) if "files" in stored else {}
    missing = [crop for crop in crops if shown[crop.path] not in known]
    for at in range(0, len(missing), BATCH):
        part = missing[at : at + BATCH]
        found = embed(listing.load(data, part))
        known |= {shown[crop.path]: row for crop, row in zip(part, found, strict=True)}
        say(f"features of {at + len(part)} of {len(missing)} faces")
    if kept is not None and missing:
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.savez(kept, files=np.array(list(known)), features=np.stack(list(known.values())))
    return np.stack([known[shown[crop.path]] for crop in crops])


def names(channels: Sequence[int]) -> list[str]:
    """What each column is: of every stage the means, then the deviations, as `MuFlow.pooled` lays them out."""
    return [
        f"stage {stage} {kind} {channel}"
        for stage, width in enumerate(channels, start=1)
        for kind in ("mean", "deviation")
        for channel in range(width)
    ]
