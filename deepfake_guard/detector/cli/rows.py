"""What `score` says of a file, as JSON and CSV rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from deepfake_guard.detector import aggregation
from deepfake_guard.detector.cli import output
from deepfake_guard.detector.records import CropScore, MediaReport

Row = dict[str, Any]
CSV_COLUMNS = (
    "path", "status", "reasons", "item_p_value", "face", "x", "y", "width", "height", "native_px", "score", "p_value",
    "n", "reached", "bucket",
)  # fmt: skip


def of_report(path: Path, report: MediaReport) -> Row:
    """A whole file."""
    return of_file(path, report.status, report.reasons, list(_faces(report)))


def of_file(path: Path, status: str, reasons: Sequence[str], found: Sequence[Row]) -> Row:
    """Several faces as the default policy joins them: Bonferroni."""
    p_values = [face["p_value"] for face in found if face["p_value"] is not None]
    n = next((face["n"] for face in found if face["p_value"] is not None), None)
    p = aggregation.item_p_value(p_values, "bonferroni") if p_values else None
    return {"path": str(path), "status": status, "reasons": list(reasons), "p_value": p, "n": n, "faces": list(found)}


def of_failure(path: Path, error: Exception) -> Row:
    """A file that could not be scored; the reason is said beside the result too."""
    output.complain(f"{path}: {error}")
    return of_file(path, "failed", (getattr(error, "reason", type(error).__name__),), ())


def scored(box: Mapping[str, Any], native_px: int, result: CropScore) -> Row:
    """A scored face; `signals` are for reading: only the fused score has a p-value that decides."""
    return {
        "box": dict(box),
        "native_px": native_px,
        "score": result.score,
        "p_value": result.p_value,
        "n": result.n,
        "reached": result.reached,
        "bucket": result.bucket,
        "signals": {name: asdict(signal) for name, signal in result.signals.items()},
        "layers": list(result.layers),
    }


def skipped(box: Mapping[str, Any], native_px: int, reason: str) -> Row:
    """A face that was not scored, with the reason."""
    return {"box": dict(box), "native_px": native_px, "score": None, "p_value": None, "signals": {}, "reason": reason}


def _faces(report: MediaReport) -> Iterator[Row]:
    for face in report.faces:
        box = asdict(face.face.box)
        if face.result is None:
            yield skipped(box, face.face.native_px, face.face.reason)
        else:
            yield scored(box, face.face.native_px, face.result)


def csv_columns(signals: Sequence[str]) -> list[str]:
    """The head of the table: for each signal its score and its p-value."""
    return [*CSV_COLUMNS, *(column for name in signals for column in (name, f"{name} p_value"))]


def csv_rows(row: Row) -> Iterator[Row]:
    """One row a face, or one for a file without any."""
    whole = {"path": row["path"], "status": row["status"], "item_p_value": row["p_value"]}
    for number, face in enumerate(row["faces"] or [{}], start=1):
        reasons = [*row["reasons"], *([face["reason"]] if face.get("reason") else [])]
        told = {name: face.get(name) for name in CSV_COLUMNS if name in face}
        signals = face.get("signals", {})
        scores = {name: signal["score"] for name, signal in signals.items()}
        p_values = {f"{name} p_value": signal["p_value"] for name, signal in signals.items()}
        place = {"face": number, **face["box"]} if face else {}
        yield {**whole, "reasons": " ".join(dict.fromkeys(reasons)), **place, **told, **scores, **p_values}
