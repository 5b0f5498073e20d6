"""`score`: pictures → p-values, as a table, JSON lines or CSV."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from deepfake_guard.detector import records
from deepfake_guard.detector.calibration import STRANGE, Conditions
from deepfake_guard.detector.cli import files, loading, output, parser, rows

if TYPE_CHECKING:
    from deepfake_guard.detector.faces import Pixels
    from deepfake_guard.detector.pipeline import Detector

ENDED_BADLY = {"failed", "quarantined"}
UNREADABLE = {"decode_error", "too_many_pixels"}
TOO_SMALL = "face_too_small"
BATCH = 8
EXAMPLES = [
    "score holiday.jpg",
    "score uploads/ 'more/*.png' --json | jq .p_value",
    "score uploads/ --csv > scores.csv",
    "score --crops DATA/hq/select-real --signals muflow --csv",
    "score uploads/ --server https://guard.example.org --key-env GUARD_API_KEY",
]


def add(parts: parser.Parts) -> None:
    """The options of `score`."""
    wrong = "a file could not be scored (the others were), or the artefact is wrong"
    made = parser.command(parts, "score", "score pictures: files, folders, globs", run, EXAMPLES, wrong)
    made.add_argument("paths", nargs="+", metavar="PATH")
    shape = made.add_mutually_exclusive_group()
    parser.takes_json(shape, "one JSON object a file and line, nothing else on standard output")
    shape.add_argument("--csv", action="store_true", help="one row a face, with every signal")
    made.add_argument(
        "--crops",
        action="store_true",
        help="the pictures are face crops already (1.3 × the box); their native size is native_crop_px of the "
        "index.csv beside or above them, else the picture's side, which bounds it in pictures under 224 px",
    )
    parser.takes_signals(made)
    parser.takes_faces(made)
    parser.takes_artefact(made)
    parser.takes_device(made)
    parser.takes_server(made)


def run(options: argparse.Namespace) -> int:
    """Score; 1 when a file could not be."""
    paths = list(files.pictures(options.paths))
    if not paths:
        output.complain("no picture found there")
        return 1
    shown, failed = _Csv() if options.csv else _Json() if options.json else _Table(), False
    with _judged(options, paths, shown) as judged, output.bar("scoring", len(paths)) as progress:
        for row in judged:
            failed |= row["status"] in ENDED_BADLY or not UNREADABLE.isdisjoint(row["reasons"])
            shown.take(row)
            output.advance(progress, 1)
        shown.end()
    return 1 if failed else 0


@contextmanager
def _judged(
    options: argparse.Namespace, paths: Sequence[Path], shown: _Csv | _Json | _Table
) -> Iterator[Iterator[rows.Row]]:
    """Here, or by a running guard."""
    if options.server:
        from deepfake_guard.detector.cli import remote  # here: httpx takes a while, and only this needs it

        with remote.guard(options) as guard:
            yield remote.judged(guard, paths)
    else:
        with loading.detector(options) as detector:
            if isinstance(shown, _Csv):
                shown.signals = (*detector.artefact.calibration.signals, STRANGE)
            yield crops_in_batches(detector, paths) if options.crops else examine(detector, paths)


class _Table:
    """For people: a table, when all is done."""

    def __init__(self) -> None:
        self.table = Table("file", "status", "p-value", "faces", "reasons")

    def take(self, row: rows.Row) -> None:
        p = "" if row["p_value"] is None else f"{row['p_value']:.2g}  (n = {row['n']})"
        self.table.add_row(escape(row["path"]), row["status"], p, str(len(row["faces"])), ", ".join(row["reasons"]))

    def end(self) -> None:
        output.tables(self.table)
        output.line("p-value: the share of genuine calibration faces at least this unusual. People decide.")


class _Json:
    def take(self, row: rows.Row) -> None:
        output.line(json.dumps(row))

    def end(self) -> None:
        """Each line is whole."""


class _Csv:
    """A running guard's first scored face names the signals: what came before it waits for the head of the table."""

    def __init__(self) -> None:
        self.signals: Sequence[str] = ()
        self.held: list[rows.Row] = []
        self.table: csv.DictWriter[str] | None = None

    def take(self, row: rows.Row) -> None:
        self.held.append(row)
        self.signals = self.signals or next((list(face["signals"]) for face in row["faces"] if face["signals"]), ())
        if self.signals:
            self._write()

    def end(self) -> None:
        self._write()

    def _write(self) -> None:
        if self.table is None:
            self.table = csv.DictWriter(sys.stdout, rows.csv_columns(self.signals), extrasaction="ignore")
            self.table.writeheader()
        for row in self.held:
            self.table.writerows(rows.csv_rows(row))
        self.held.clear()
        sys.stdout.flush()


def examine(detector: Detector, paths: Sequence[Path]) -> Iterator[rows.Row]:
    """Whole pictures: faces are found and cut."""
    for path, outcome in zip(paths, detector.examine_many(paths, pictures=False), strict=True):
        yield rows.of_failure(path, outcome) if isinstance(outcome, Exception) else rows.of_report(path, outcome)


def crops_in_batches(detector: Detector, paths: Sequence[Path]) -> Iterator[rows.Row]:
    """`score_crops`, a few at a time."""
    for at in range(0, len(paths), BATCH):
        yield from score_crops(detector, paths[at : at + BATCH])


def score_crops(detector: Detector, paths: Sequence[Path]) -> Iterator[rows.Row]:
    """Pictures that are face crops already."""
    import numpy as np

    from deepfake_guard.detector.decoder import DecodeRefused
    from deepfake_guard.detector.stored_crops import as_crop, detail_px

    read = [_crop(detector, path) for path in paths]
    sides = [
        0 if isinstance(rgb, Exception) else detail_px(min(rgb.shape[:2]), files.native_px(path) or 0)
        for path, rgb in zip(paths, read, strict=True)
    ]
    large = [at for at, side in enumerate(sides) if side >= records.MIN_NATIVE_PX]
    shown = [(rgb, sides[at]) for at in large if not isinstance(rgb := read[at], Exception)]
    crops = [as_crop(rgb, detector.finder.side, side) for rgb, side in shown]
    conditions = [Conditions(sides[at], crop_px=detector.finder.side) for at in large]
    scores = detector.score(np.stack(crops), conditions) if crops else []
    results = dict(zip(large, scores, strict=True))
    for at, (path, rgb) in enumerate(zip(paths, read, strict=True)):
        if isinstance(rgb, DecodeRefused):
            yield rows.of_file(path, "not_applicable", (rgb.reason,), ())
            continue
        if isinstance(rgb, Exception):
            yield rows.of_failure(path, rgb)
            continue
        box = {"x": 0, "y": 0, "width": rgb.shape[1], "height": rgb.shape[0]}
        if at in results:
            yield rows.of_file(path, "done", (), [rows.scored(box, sides[at], results[at])])
        else:
            yield rows.of_file(path, "not_applicable", (TOO_SMALL,), [rows.skipped(box, sides[at], TOO_SMALL)])


def _crop(detector: Detector, path: Path) -> Pixels | Exception:
    from deepfake_guard.detector import media
    from deepfake_guard.detector.decoder import DecodeRefused, DecoderKilled

    try:
        return media.read(path, detector.decoder).rgb
    except (DecodeRefused, DecoderKilled, OSError) as error:
        return error
