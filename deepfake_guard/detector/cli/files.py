"""From what was typed to files: folders, globs, names."""

from __future__ import annotations

import csv
import glob
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

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
    """`native_crop_px` of a face crop, from the nearest index.csv in or above its folder that lists it; else None."""
    path = path.resolve()
    for folder in path.parents:
        if (listed := _index(folder)) is not None:
            return listed.get(path.relative_to(folder).as_posix())
    return None


@cache
def _index(folder: Path) -> dict[str, int] | None:
    """path -> native_crop_px of a folder's index.csv; None where there is none that says both."""
    try:
        with (folder / "index.csv").open(newline="", encoding="utf-8") as stream:
            rows = csv.DictReader(stream)
            if not {"path", "native_crop_px"} <= set(rows.fieldnames or ()):
                return None
            sizes = ((row["path"], row["native_crop_px"]) for row in rows)
            return {path: int(size) for path, size in sizes if size and size.isdigit()}
    except OSError:
        return None
