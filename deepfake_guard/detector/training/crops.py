"""Face crops on disk, as `index.csv` lists them."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

COLUMNS = ("path", "track", "split", "label", "collection", "generator", "family", "licence")  # the others are optional
FAMILIES = ("diffusion", "gan", "swap", "product")  # those that can be left out; "edit" and "unknown" stand apart


class DataError(ValueError):
    """The folder of crops is not as its index says, or lacks what is asked for."""


@dataclass(frozen=True, slots=True)
class Crop:
    """One row of the index: path relative to the folder, split, "real" or "fake", collection, family, licence.

    pair: file stem of its counterpart in another row's `source`, where fake and genuine come in pairs; source: path in
    the repository it came from; native_px: side of the crop in the picture it was cut from, 0 = unknown.
    """

    path: str
    split: str
    label: str
    collection: str
    generator: str
    family: str
    licence: str
    pair: str = ""
    source: str = ""
    native_px: int = 0


def index(folder: Path, split: str, track: str = "hq") -> list[Crop]:
    """The rows of one split and track, in the order of their paths; raises DataError when there are none."""
    listing = folder / "index.csv"
    if not listing.is_file():
        raise DataError(f"{listing} is missing: --data names a folder of face crops with an index.csv")
    try:
        with listing.open(newline="", encoding="utf-8") as stream:
            reader = csv.DictReader(stream)
            if missing := [name for name in COLUMNS if name not in (reader.fieldnames or ())]:
                raise DataError(f"{listing} has no column {', '.join(missing)} (docs/evaluation.md has the format)")
            rows = [row for row in reader if row["split"] == split and row["track"] == track]
    except UnicodeDecodeError as error:
        raise not_utf8(listing, error) from error
    if not rows:
        raise DataError(f"{listing} has no {track} crops of the split {split}")
    return sorted((_crop(row) for row in rows), key=lambda crop: crop.path)


def not_utf8(listing: Path, error: UnicodeDecodeError) -> DataError:
    """What is said of an index in another encoding."""
    return DataError(f"{listing} is not UTF-8 (byte {error.start}): save it as UTF-8")


def _crop(row: dict[str, str]) -> Crop:
    names = ("path", "split", "label", "collection", "generator", "family", "licence")
    native = int(row.get("native_crop_px") or 0)
    further = {"pair": row.get("pair") or "", "source": row.get("source_path") or ""}
    return Crop(**{name: row[name] for name in names}, **further, native_px=native)


def load(folder: Path, crops: Sequence[Crop]) -> Pixels:
    """Read crops of one size -> uint8 [n, s, s, 3] RGB."""
    first = _read(folder / crops[0].path)
    pixels = np.empty((len(crops), *first.shape), np.uint8)
    for at, crop in enumerate(crops):
        picture = _read(folder / crop.path)
        if picture.shape != first.shape:
            raise DataError(f"{crop.path} is {picture.shape[1]} px wide, {crops[0].path} {first.shape[1]}")
        pixels[at] = picture
    return pixels


def terms(crops: Sequence[Crop]) -> list[tuple[str, int, str]]:
    """(collection, n, licences) of each collection among the crops."""
    counts = Counter(crop.collection for crop in crops)
    licences = {name: {crop.licence for crop in crops if crop.collection == name} for name in counts}
    return [(name, count, "; ".join(sorted(licences[name]))) for name, count in sorted(counts.items())]


def _read(path: Path) -> Pixels:
    from PIL import Image  # here: options of every command name the families, and `score --server` has no Pillow

    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))
