"""From what was typed to files: folders, globs, names."""

from __future__ import annotations

import csv
import glob
import io
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from deepfake_guard.detector.training.crops import not_utf8

STILLS = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif", ".heic", ".heif", ".bmp", ".tif", ".tiff"}
VIDEOS = {".mp4", ".mov", ".webm"}


def pictures(patterns: Iterable[str]) -> Iterator[Path]:
    """Files as given, folders searched for pictures, globs expanded; in a stable order."""
    for pattern in patterns:
        path = Path(pattern)
        if path.is_dir():
            yield from sorted(found for found in path.rglob("*") if found.suffix.lower() in STILLS | VIDEOS)
        elif not path.exists() and glob.has_magic(pattern):
            found = glob.glob(pattern, recursive=True)  # noqa: PTH207  Path.glob takes no absolute pattern
            yield from sorted(Path(name) for name in found if Path(name).is_file())
        else:
            yield path


def native_px(path: Path) -> int | None:
    """`native_crop_px` of a face crop, from the nearest index.csv in or above its folder that lists it; else None.

    Raises DataError for an index of crops in another encoding than UTF-8, whose names would be taken for others.
    """
    path = path.resolve()
    for folder in path.parents:
        listed, name = _index(folder), path.relative_to(folder).as_posix()
        if name in listed:
            return listed[name]
    return None


@cache
def _index(folder: Path) -> dict[str, int | None]:
    """path -> native_crop_px of a folder's index.csv, None where it names no size; empty where no file says both."""
    listing = folder / "index.csv"
    try:
        content = listing.read_bytes()
    except OSError:
        return {}
    rows = csv.DictReader(io.StringIO(content.decode("utf-8", "surrogateescape"), newline=""))
    if not {"path", "native_crop_px"} <= set(rows.fieldnames or ()):
        return {}
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise not_utf8(listing, error) from error
    sizes = {row["path"]: row["native_crop_px"] for row in rows}
    return {path: int(size) if size and size.isdecimal() else None for path, size in sizes.items()}
