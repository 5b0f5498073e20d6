"""All that is said of one scored face, gathered once; `card` draws it, `page` writes it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..records import CropScore, Face
from . import words
from .overlay import Floats
from .strip import Strip, strip

COVERED = (
    "What decides: warm where covering the place with grey takes away a quarter or more of what parts the score from "
    "that of a usual genuine face; at full heat all of it. Calm all over: no single place carries it. A cover is "
    "unusual itself, so this, too, says little of why."
)
LAYERS = ("fine texture", "parts", "whole face")  # three stages, from the finest grid on


@dataclass(frozen=True, eq=False, slots=True)
class Explanation:
    """One face. crop: uint8 [s, s, 3]; fused, layers: heat [H, W] in 0..1; histogram: {"n", "edges", "counts"}."""

    title: str
    crop: NDArray[np.uint8]
    fused: Floats
    layers: Sequence[Floats]
    face: Face
    result: CropScore
    histogram: Mapping[str, Any]
    remarks: Sequence[str]
    map_says: str
    deciding: Floats

    @property
    def finding(self) -> str:
        """How unusual, in words."""
        return words.finding(self.result.p_value, self.result.n, self.result.reached)

    @property
    def limits(self) -> str:
        """p, and what n allows."""
        return f"p {words.p_text(self.result.p_value)}, n = {self.result.n:,}: {words.limit(self.result.n)}."

    @property
    def strip(self) -> Strip:
        """Where it stands among the calibration faces."""
        return strip(self.histogram, self.result.score, None)

    def comparisons(self) -> tuple[list[words.Comparison], list[words.Comparison]]:
        """One-class signals and heads, by name."""
        return words.comparisons({name: asdict(signal) for name, signal in self.result.signals.items()})

    def pictures(self) -> list[tuple[str, Floats | None]]:
        """(caption, heat) of each picture: the face as it is, all layers together, each layer."""
        count = len(self.layers)
        told = LAYERS if count == len(LAYERS) else [f"layer {at}" for at in range(1, count + 1)]
        layers = zip(told, self.layers, strict=True)
        return [("as scored", None), ("what decides", self.deciding), ("all layers", self.fused), *layers]


def explanation(
    title: str,
    crop: NDArray[np.uint8],
    heats: tuple[Floats, Sequence[Floats]],
    face: Face,
    result: CropScore,
    histogram: Mapping[str, Any],
    decides: Collection[str],
    deciding: Floats,
    reasons: Sequence[str] = (),
) -> Explanation:
    """From what the pipeline made of a face: `heats`: the fused map and those of the layers; `decides`: the signals
    that the p-value comes from, `deciding` the map of what they say together; `reasons`: the scan's."""
    remarks = words.remarks(face.native_px, face.sharpness, result.bucket, result.n, reasons, crop_px=len(crop))
    map_says = f"{COVERED} {words.whose_map(decides, covered=True)}"
    unsure = remarks or [words.NOTHING_UNSURE]
    return Explanation(title, crop, *heats, face, result, histogram, unsure, map_says, deciding)
