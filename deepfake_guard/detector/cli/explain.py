"""`explain`: for each face of a picture one drawing and one page that say where and how it is unusual."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING

from deepfake_guard.detector import faces
from deepfake_guard.detector.cli import files, loading, output, parser, rows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from deepfake_guard.detector.explain.explanation import Explanation
    from deepfake_guard.detector.pipeline import Detector
    from deepfake_guard.detector.records import MediaReport
    from deepfake_guard.detector.weights import Artefact

SUFFIXES = {".png", ".html"}
EXAMPLES = [
    "explain holiday.jpg --out explained/",
    "explain holiday.jpg --out holiday.html        # and holiday.png",
    "explain 'uploads/*.jpg' --out explained/ --json | jq .files",
]


def add(parts: parser.Parts) -> None:
    """The options of `explain`."""
    what = "say where and how a face is unusual: a picture and a page for each face"
    wrong = "a file could not be scored or shows no face that is (the others were explained)"
    made = parser.command(parts, "explain", what, run, EXAMPLES, wrong)
    made.add_argument("paths", nargs="+", metavar="FILE")
    made.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="DIR|FILE",
        help="a folder, or the name of the .png or .html of one file",
    )
    parser.takes_json(made, "one JSON object a file and line, as of score, with the `files` written")
    parser.takes_signals(made)
    parser.takes_faces(made)
    parser.takes_artefact(made)
    parser.takes_device(made)


def run(options: argparse.Namespace) -> int:
    """Explain; 1 when a file had nothing to explain."""
    paths = list(files.pictures(options.paths))
    one = options.out.suffix.lower() in SUFFIXES
    if one and len(paths) > 1:
        raise parser.WrongUsage("--out names one file, but there are several pictures: name a folder")
    if not paths:
        output.complain("no picture found there")
        return 1
    folder = options.out.parent if one else options.out
    folder.mkdir(parents=True, exist_ok=True)
    name, failed = _namer(folder, options.out.stem if one else None), False
    with loading.detector(options) as detector, output.bar("explaining", len(paths)) as progress:
        for path in paths:
            row, told = _explained(detector, path)
            written = [written for one in told for written in _written(one, name(path))]
            failed |= not written
            _tell(options, row, written)
            output.advance(progress, 1)
    return 1 if failed else 0


def _explained(detector: Detector, path: Path) -> tuple[rows.Row, list[Explanation]]:
    outcome = next(detector.examine_many([path], pictures=False))
    if isinstance(outcome, Exception):
        return rows.of_failure(path, outcome), []
    return rows.of_report(path, outcome), list(_faces(detector, path, outcome))


def _faces(detector: Detector, path: Path, report: MediaReport) -> Iterator[Explanation]:
    """The crops are cut once more: a report keeps them only as people see them."""
    from deepfake_guard.detector import explain, media
    from deepfake_guard.detector.explain import words
    from deepfake_guard.detector.explain.explanation import explanation

    if not any(face.result for face in report.faces):
        return
    model, calibration = detector.artefact.model, detector.artefact.calibration
    cut = faces.find(media.read(path, detector.decoder).rgb, detector.finder)
    for number, (scored, (_, crop)) in enumerate(zip(report.faces, cut, strict=True), start=1):
        if scored.result is None or scored.result.heat is None:
            continue
        maps = model.score(crop[None]).maps
        layers = explain.layer_heat(maps, model, calibration.heat)[:, 0]
        name = words.printable(path.name)
        title = name if len(report.faces) == 1 else f"{name}, face {number} of {len(report.faces)}"
        edges, counts = calibration.histogram(scored.result.bucket)
        histogram = {"n": scored.result.n, "edges": edges, "counts": counts}
        heats = (scored.result.heat, list(layers))
        decides, deciding = calibration.fusion.weights, _deciding(detector.artefact, crop, scored.result.bucket)
        yield explanation(title, crop, heats, scored.face, scored.result, histogram, decides, deciding, report.reasons)


def _deciding(artefact: Artefact, crop: NDArray[np.uint8], bucket: str) -> NDArray[np.float32]:
    """Where the score comes from, whatever decides it."""
    from deepfake_guard.detector.explain.occlusion import occlusion

    calibration, ensemble = artefact.calibration, artefact.ensemble
    usual, high = calibration.buckets[bucket].usual()
    names = calibration.fusion.weights
    return occlusion(lambda crops: calibration.decided(ensemble.asked(crops, names), bucket), crop, usual, high)


def _namer(folder: Path, stem: str | None) -> Callable[[Path], Path]:
    """A name for each face's files without suffix, no two alike in one run: holiday-face1, of another holiday.jpg
    holiday-2-face1; or the stem asked for."""
    faces_of: Counter[Path] = Counter()
    stems: dict[Path, str] = {}

    def name(path: Path) -> Path:
        faces_of[path] += 1
        number = faces_of[path]
        if stem:
            return folder / (stem if number == 1 else f"{stem}-{number}")
        if path not in stems:
            further = (f"{path.stem}-{at}" for at in count(2))
            stems[path] = next(one for one in chain([path.stem], further) if one not in stems.values())
        return folder / f"{stems[path]}-face{number}"

    return name


def _written(told: Explanation, base: Path) -> list[str]:
    from deepfake_guard.detector.explain import card, page

    picture, text = base.with_name(f"{base.name}.png"), base.with_name(f"{base.name}.html")
    picture.write_bytes(card.png(told))
    text.write_text(page.html(told), encoding="utf-8")
    return [str(picture), str(text)]


def _tell(options: argparse.Namespace, row: rows.Row, written: list[str]) -> None:
    if options.json:
        output.line(json.dumps({**row, "files": written}))
        return
    for name in written:
        output.line(name)
    if not written and row["status"] != "failed":
        output.complain(f"{row['path']}: nothing to explain: {', '.join(row['reasons']) or 'no face was scored'}")
