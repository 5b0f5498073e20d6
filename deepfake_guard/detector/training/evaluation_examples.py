"""Faces for a report: the most unusual and the most usual of a split, with their heat maps."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from .. import explain
from ..pipeline import Detector
from ..weights import Artefact
from . import crops as listing
from .evaluation_splits import Splits
from .evaluation_table import Judged, score
from .openings import Book

EACH = 3  # faces at either end of a split


@dataclass(frozen=True, slots=True)
class Example:
    """face: JPEG; heat: PNG with transparency, or empty; both square."""

    split: str
    collection: str
    p_value: float
    face: bytes
    heat: bytes


def examples(
    artefact: Artefact, data: Path, rows: Mapping[str, Sequence[Judged]], splits: Splits, book: Book
) -> list[Example]:
    """The most unusual and the most usual faces of the genuine and fake splits, read and scored once more."""
    chosen: list[Judged] = []
    for name in (splits.known, splits.unfamiliar, splits.fakes):
        ordered = sorted(rows[name], key=lambda row: -row.score)
        chosen += ordered[:EACH] + (ordered[-EACH:] if len(ordered) >= 2 * EACH else [])
    if not chosen:
        return []
    book.note(artefact.manifest.detector_id)
    pixels = listing.load(data, [row.crop for row in chosen])
    with closing(Detector(artefact)) as detector:
        results = score(detector, pixels, [row.crop.native_px for row in chosen], ["any"] * len(chosen))
    return [
        Example(
            row.crop.split, row.crop.collection, result.p_value, _jpeg(picture),
            b"" if result.heat is None else explain.overlay_png(result.heat),
        )
        for row, picture, result in zip(chosen, pixels, results, strict=True)
    ]  # fmt: skip


def _jpeg(picture: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=85)
    return stream.getvalue()
