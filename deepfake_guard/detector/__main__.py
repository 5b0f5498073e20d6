"""The detector on the command line: score, info, fit, evaluate, faces install. Scores are anomalies; people decide."""

from __future__ import annotations

import argparse
import glob
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from deepfake_guard.detector import aggregation, faces, manifest

if TYPE_CHECKING:
    from deepfake_guard.detector.faces import Pixels
    from deepfake_guard.detector.pipeline import Detector
    from deepfake_guard.detector.records import CropScore, MediaReport

STILLS = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif", ".heic", ".heif", ".bmp", ".tif", ".tiff"}
VIDEOS = {".mp4", ".mov", ".webm"}
UNREADABLE = {"decode_error", "too_many_pixels"}
BATCH = 8
progress_console = Console(stderr=True)

EXAMPLES = """\
examples:
  python -m deepfake_guard.detector score holiday.jpg
  python -m deepfake_guard.detector score uploads/ 'more/*.png' --json | jq .p_value
  python -m deepfake_guard.detector faces install --download
  python -m deepfake_guard.detector fit --data ../shared/data --out artifacts/mine
  python -m deepfake_guard.detector evaluate --data ../shared/data --reason "first look" > figures.json
  python -m deepfake_guard.detector info

exit status: 0 all went well · 1 a file could not be scored, or a file or artefact is wrong · 2 wrong usage"""


def make_parser() -> argparse.ArgumentParser:
    style: dict[str, Any] = {"epilog": EXAMPLES, "formatter_class": argparse.RawDescriptionHelpFormatter}
    top = argparse.ArgumentParser("python -m deepfake_guard.detector", description=__doc__, **style)
    parts = top.add_subparsers(required=True, metavar="COMMAND")

    score = parts.add_parser("score", help="score pictures: files, folders, globs", **style)
    score.add_argument("paths", nargs="+", metavar="PATH")
    score.add_argument("--json", action="store_true", help="one JSON object a line, nothing else on standard output")
    score.add_argument(
        "--crops", action="store_true", help="the pictures are face crops already (1.3 × the box, 224 px)"
    )
    score.add_argument("--faces", type=Path, metavar="DIR", help="where the face finder's file lies")
    _artefact(score)
    score.set_defaults(run=score_files)

    info = parts.add_parser("info", help="what the weights are, what they were made from, under which terms", **style)
    info.add_argument("--json", action="store_true", help="the whole manifest")
    _artefact(info)
    info.set_defaults(run=describe)

    fit = parts.add_parser("fit", help="fit a detector on genuine face crops with an index.csv; resumable", **style)
    fit.add_argument("--data", type=Path, required=True, metavar="DIR")
    fit.add_argument("--out", type=Path, required=True, metavar="DIR")
    fit.add_argument("--run", dest="state", type=Path, metavar="DIR", help="where training keeps its state")
    fit.add_argument("--starter", action="store_true", help="mark the result as starter weights")
    fit.add_argument("--device", default="auto", help="auto, cpu, cuda:N or mps")
    fit.set_defaults(run=fit_artefact)

    judge = parts.add_parser("evaluate", help="AUC and false alarms on test splits; openings are written down", **style)
    judge.add_argument("--data", type=Path, required=True, metavar="DIR")
    judge.add_argument("--reason", required=True, help="why the test splits are opened")
    judge.add_argument("--openings", type=Path, default=Path("docs/test-openings.md"), metavar="FILE")
    _artefact(judge)
    judge.set_defaults(run=evaluate_artefact)

    finder = parts.add_parser("faces", help="the face finder", **style)
    install = finder.add_subparsers(required=True, metavar="COMMAND").add_parser(
        "install", help="install YuNet's file after checking its SHA-256", **style
    )
    source = install.add_mutually_exclusive_group(required=True)
    source.add_argument("file", nargs="?", type=Path)
    source.add_argument("--download", action="store_true")
    install.add_argument("--faces", type=Path, metavar="DIR", help="install there")
    install.set_defaults(run=install_faces)
    return top


def _artefact(command: argparse.ArgumentParser) -> None:
    command.add_argument("--artefact", type=Path, metavar="DIR", help="default: the starter weights")
    command.add_argument("--device", default="auto", help="auto, cpu, cuda:N or mps")


def pictures(patterns: Iterable[str]) -> Iterator[Path]:
    """Files as given, folders searched for pictures, globs expanded; in a stable order."""
    for pattern in patterns:
        path = Path(pattern)
        if path.is_dir():
            yield from sorted(found for found in path.rglob("*") if found.suffix.lower() in STILLS | VIDEOS)
        elif not path.exists() and glob.has_magic(pattern):
            yield from sorted(Path(found) for found in glob.glob(pattern, recursive=True) if Path(found).is_file())
        else:
            yield path


def load_detector(options: argparse.Namespace) -> Detector:
    with progress_console.status("loading the detector"):  # torch is imported here, so that --help stays quick
        from deepfake_guard.detector import weights
        from deepfake_guard.detector.pipeline import Detector

        detector = Detector(weights.load(options.artefact, options.device), faces.choose(options.faces))
        detector.warm_up()
    return detector


def score_files(options: argparse.Namespace) -> int:
    paths = list(pictures(options.paths))
    if not paths:
        print("no picture found there", file=sys.stderr)
        return 1
    judged = score_crops if options.crops else examine
    batches = [paths[at : at + BATCH] for at in range(0, len(paths), BATCH)]
    table, failed = Table("file", "status", "p-value", "faces", "reasons"), False
    with closing(load_detector(options)) as detector:
        for batch in track(batches, "scoring", console=progress_console, disable=len(batches) < 2):
            for row in judged(detector, batch):
                failed |= row["status"] == "failed" or not UNREADABLE.isdisjoint(row["reasons"])
                if options.json:
                    print(json.dumps(row), flush=True)
                else:
                    add_line(table, row)
    if not options.json:
        print_whole(table)
        print("p-value: the share of genuine calibration faces at least this unusual. People decide.")
    return 1 if failed else 0


def add_line(table: Table, row: dict[str, Any]) -> None:
    p = "" if row["p_value"] is None else f"{row['p_value']:.3g}  (n = {row['n']})"
    table.add_row(escape(row["path"]), row["status"], p, str(len(row["faces"])), ", ".join(row["reasons"]))


def print_whole(*tables: Table) -> None:
    """In a pipe there is no width to fit into: nothing is folded or cut there."""
    Console(width=None if sys.stdout.isatty() else 1000).print(*tables)


def examine(detector: Detector, paths: Sequence[Path]) -> Iterator[dict[str, Any]]:
    for path, outcome in zip(paths, detector.examine_many(paths), strict=True):
        if isinstance(outcome, Exception):
            yield failure(path, outcome)
        else:
            yield row_of(path, outcome.status, outcome.reasons, list(face_rows(outcome)))


def score_crops(detector: Detector, paths: Sequence[Path]) -> Iterator[dict[str, Any]]:
    import numpy as np

    read = [read_crop(detector, path) for path in paths]
    crops = [faces.as_crop(rgb) for rgb in read if not isinstance(rgb, Exception)]
    results = iter(detector.score(np.stack(crops)) if crops else [])
    for path, rgb in zip(paths, read, strict=True):
        if isinstance(rgb, Exception):
            yield failure(path, rgb)
        else:
            box = {"x": 0, "y": 0, "width": rgb.shape[1], "height": rgb.shape[0]}
            yield row_of(path, "done", (), [scored_row(box, next(results))])


def read_crop(detector: Detector, path: Path) -> Pixels | Exception:
    from deepfake_guard.detector import media
    from deepfake_guard.detector.decoder import DecodeRefused, DecoderKilled

    try:
        return media.read(path, detector.decoder).rgb
    except (DecodeRefused, DecoderKilled, OSError) as error:
        return error


def failure(path: Path, error: Exception) -> dict[str, Any]:
    print(f"{path}: {error}", file=sys.stderr)
    return row_of(path, "failed", (getattr(error, "reason", type(error).__name__),), ())


def face_rows(report: MediaReport) -> Iterator[dict[str, Any]]:
    for face in report.faces:
        box = asdict(face.face.box)
        if face.result is None:
            yield {"box": box, "score": None, "p_value": None, "signals": {}, "reason": face.face.reason}
        else:
            yield scored_row(box, face.result)


def scored_row(box: dict[str, Any], result: CropScore) -> dict[str, Any]:
    signals = {name: asdict(signal) for name, signal in result.signals.items()}
    return {"box": box, "score": result.score, "p_value": result.p_value, "n": result.n, "signals": signals}


def row_of(path: Path, status: str, reasons: Sequence[str], found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Several faces as the default policy joins them: Bonferroni."""
    p_values = [face["p_value"] for face in found if face["p_value"] is not None]
    n = next((face["n"] for face in found if face["p_value"] is not None), None)
    p = aggregation.item_p_value(p_values, "bonferroni") if p_values else None
    return {"path": str(path), "status": status, "reasons": list(reasons), "p_value": p, "n": n, "faces": list(found)}


def describe(options: argparse.Namespace) -> int:
    folder = options.artefact or Path(__file__).parent / "starter"
    passport = manifest.read(folder)
    manifest.verify(folder, passport)
    if options.json:
        print(json.dumps(asdict(passport), indent=1))
        return 0
    facts = Table(show_header=False)
    for name in ("detector_id", "calibration_id", "created", "backbone", "input_px", "pooling", "objective", "notes"):
        facts.add_row(name, str(getattr(passport, name)))
    facts.add_row("face finder", "YuNet" if faces.installed() else f"not YuNet; install it: {faces.INSTALL_LINE}")
    sets = Table("genuine faces", "role", "n", "terms")
    for part in passport.sets:
        sets.add_row(part.name, part.role, str(part.n), part.licence)
    print_whole(facts, sets)
    return 0


def fit_artefact(options: argparse.Namespace) -> int:
    from deepfake_guard.detector.training.fit import main_fit

    with progress_console.status("fitting; a stopped run goes on where it was") as status:
        made = main_fit(
            options.data,
            options.out,
            run=options.state,
            device=options.device,
            starter=options.starter,
            say=status.console.print,
        )
    print(f"{made.detector_id} written to {options.out}")
    return 0


def evaluate_artefact(options: argparse.Namespace) -> int:
    from deepfake_guard.detector import weights
    from deepfake_guard.detector.training.evaluate import evaluate

    artefact = weights.load(options.artefact, options.device)
    with progress_console.status("scoring the test splits (minutes)"):
        figures = evaluate(artefact, options.data, openings=options.openings, reason=options.reason)
    print(json.dumps(figures, indent=1))
    return 0


def install_faces(options: argparse.Namespace) -> int:
    print(f"installed {faces.install(options.file, options.faces)}")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    options = make_parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except BrokenPipeError:  # `| head` has seen enough; nothing may be flushed into the closed pipe at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except (ValueError, OSError, RuntimeError) as error:  # ArtefactError, DataError, DeviceError, WrongFile …
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
