"""One table first: every face scored once, kept as JSON lines, so that figures and reports need no second look."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

import numpy as np

from ..calibration import Conditions
from ..manifest import Manifest
from ..records import CropScore
from ..stored_crops import brought
from . import crops as listing
from . import trivial
from .crops import Crop, Pixels

BATCH = 32

Say = Callable[[str], None]
Row = dict[str, Any]  # JSON-ready, with the crop's path under "path"


def silent(line: str) -> None:
    """Progress that nobody asked for."""


class Judge(Protocol):
    """What is evaluated: `pipeline.Detector`, or anything else that scores crops."""

    def score(self, crops: Pixels, conditions: Sequence[Conditions], /) -> list[CropScore]:
        """Crops uint8 [n, s, s, 3] and how each came -> n scores."""
        ...


@dataclass(frozen=True, slots=True)
class Judged:
    """One scored face. unit: see `unit`; signals: raw scores by name; trivial: as `trivial.NAMES`."""

    crop: Crop
    unit: str
    score: float  # the fused scalar
    p_value: float
    n: int
    reached: int
    bucket: str
    signals: dict[str, float]
    trivial: tuple[float, ...]


def unit(crop: Crop) -> str:
    """The name of the independent item that a face belongs to: itself, its pair (DFDC), or its person (AttGAN)."""
    if crop.pair:
        genuine = PurePosixPath(crop.source).stem if crop.label == "real" else crop.pair
        return f"pair {genuine}"
    if edited := re.search(r"(id\d+)_attr\d+", crop.source):
        return f"{crop.collection} {edited[1]}"
    return crop.path


def key(passport: Manifest) -> str:
    """What a row is scored by: other weights or another calibration are other rows."""
    return f"{passport.detector_id} {passport.calibration_id}"


def score(judge: Judge, crops: Pixels, natives: Sequence[int], encodings: Sequence[str]) -> list[CropScore]:
    """Score stored crops as uploads that show as much, under the conditions they came in.

    natives: side in px of the crop in its picture, 0 = the crop's own; encodings: keys of the encoding bands.
    """
    made, sides = brought(crops, natives)
    given = zip(sides, encodings, strict=True)
    return judge.score(made, [Conditions(side, encoding, made.shape[1]) for side, encoding in given])


def table(
    judge: Judge,
    passport: Manifest,
    data: Path,
    wanted: Sequence[Crop],
    *,
    kept: Path | None = None,
    before: Callable[[], None] = lambda: None,
    say: Say = silent,
) -> list[Judged]:
    """All wanted crops scored, in their order.

    kept: a file of JSON lines that is read first and grows batch by batch, so that a stopped run goes on and a second
    report scores nothing. `before` is called once before the first picture is looked at, and not where none is.
    Raises DataError for a file of anything else.
    """
    rows = once(
        data, wanted, lambda batch: _scored(judge, data, batch), key(passport), kept=kept, before=before, say=say
    )
    return [_judged(crop, rows[crop.path]) for crop in wanted]


def once(
    data: Path,
    wanted: Sequence[Crop],
    scored: Callable[[Sequence[Crop]], list[Row]],
    by: str,
    *,
    kept: Path | None = None,
    before: Callable[[], None] = lambda: None,
    say: Say = silent,
) -> dict[str, Row]:
    """Path -> the row that `scored` makes of a crop, at most BATCH crops at a time; `by` names what it depends on.

    kept, before, say: as in `table`; one file may hold rows by several. A row counts as long as the crop at its path is
    the same, byte for byte and by its native size.
    """
    there = _read(kept, by)
    known = {
        crop.path: row for crop in wanted if (row := there.get(crop.path)) and row.get("crop") == _digest(data, crop)
    }
    missing = [crop for crop in wanted if crop.path not in known]
    if missing:
        before()
    if kept is not None and missing:
        _prepare(kept)
    started = time.monotonic()
    for at in range(0, len(missing), BATCH):
        batch = missing[at : at + BATCH]
        rows = scored(batch)
        known |= {row["path"]: row for row in rows}
        if kept is not None:
            with kept.open("a", encoding="utf-8") as stream:
                marked = ({"by": by, "crop": _digest(data, crop), **row} for crop, row in zip(batch, rows, strict=True))
                stream.writelines(json.dumps(row) + "\n" for row in marked)
        say(_line(min(at + BATCH, len(missing)), len(missing), time.monotonic() - started))
    return known


def _digest(data: Path, crop: Crop) -> str:
    return hashlib.sha256(f"{crop.native_px} ".encode() + (data / crop.path).read_bytes()).hexdigest()[:16]


def _scored(judge: Judge, data: Path, batch: Sequence[Crop]) -> list[Row]:
    pixels = listing.load(data, batch)
    results = score(judge, pixels, [crop.native_px for crop in batch], ["any"] * len(batch))
    return [
        {
            "path": crop.path, "score": result.score, "p_value": result.p_value, "n": result.n,
            "reached": result.reached, "bucket": result.bucket,
            "signals": {name: signal.score for name, signal in result.signals.items()},
            "trivial": trivial.statistics(picture),
        }
        for crop, picture, result in zip(batch, pixels, results, strict=True)
    ]  # fmt: skip


def _line(done: int, every: int, seconds: float) -> str:
    pace = done / max(seconds, 1e-6)
    return f"scored {done} of {every} faces, {pace:.1f} a second, {(every - done) / pace / 60:.0f} min left"


def _judged(crop: Crop, row: Row) -> Judged:
    return Judged(
        crop, unit(crop), row["score"], row["p_value"], row["n"], row["reached"], row["bucket"], row["signals"],
        tuple(row["trivial"]),
    )  # fmt: skip


def _read(kept: Path | None, scored_by: str) -> dict[str, Row]:
    if kept is None or not kept.is_file():
        return {}
    return {row["path"]: row for row in _rows(kept) if row["by"] == scored_by}


def _rows(kept: Path) -> Iterator[Row]:
    for number, line in enumerate(kept.read_bytes().splitlines(), start=1):
        try:
            row = json.loads(line)
        except ValueError:
            if number > 1 or line.startswith(b'{"by"'[: len(line)]):
                continue  # cut off by a kill: that face is scored again
            row = None
        if not isinstance(row, dict) or not {"by", "path"} <= set(row):
            raise listing.DataError(
                f"line {number} of {kept} is no scored face of evaluate: --scores names a file of its own, or a new one"
            )
        yield row


def _prepare(kept: Path) -> None:
    """What is appended begins on a line of its own, also after a kill in the middle of one."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    if kept.is_file() and not kept.read_bytes().endswith(b"\n"):
        with kept.open("a", encoding="utf-8") as stream:
            stream.write("\n")


def column(rows: Sequence[Judged], name: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """One number of each face, float64 [n]: "score", "p_value", or the raw score of a signal."""
    return np.array([getattr(row, name) if name in ("score", "p_value") else row.signals[name] for row in rows], float)
