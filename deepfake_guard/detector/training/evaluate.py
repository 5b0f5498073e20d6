"""What a finished detector does on test faces. Opening them is written down: no choice may follow from them."""

from __future__ import annotations

import subprocess
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from ..weights import Artefact
from . import crops as listing
from .crops import Crop
from .statistics import Floats, auc, clopper_pearson

KNOWN, UNFAMILIAR, FAKES = "test-real-id", "test-real-ood", "test-fake"
LEVELS = (0.05, 0.01)
# Fakes -> genuine faces of the same repository or the same training pictures: the cleanest comparisons there are.
SAME_SOURCE = {
    "stylegan1-ffhq__cdiaconu04": "ffhq256__cdiaconu04",
    "stylegan2-ada_ffhq__agegan": "ffhq__dinablachman",
    "stylegan2_ffhq-config-f__xinyiff": "ffhq__dinablachman",
    "dfdc_faceswap__i-shreyansh": "dfdc__i-shreyansh",
}


def evaluate(artefact: Artefact, data: Path, *, openings: Path, reason: str) -> dict[str, Any]:
    """Score the three test splits (hq) of `data` and compare, as a JSON-ready document.

    "auc": per fake collection, against all known-source and all unfamiliar genuine faces, and against its own source
    where there is one (`SAME_SOURCE`); "one_sided" on the raw NLL, "folded" on the fused scalar; with n and interval.
    "false_alarms": per genuine collection and split, the share with p <= 0.05 and 0.01, with n and Clopper-Pearson.
    Appends date, commit, artefact and reason to `openings` before the first test picture is read.
    """
    note_opening(openings, artefact.manifest.detector_id, reason)
    scored = {split: _score(artefact, data, split) for split in (KNOWN, UNFAMILIAR, FAKES)}
    return {
        "detector_id": artefact.manifest.detector_id,
        "calibration_id": artefact.manifest.calibration_id,
        "calibration_n": artefact.calibration.n,
        "auc": _comparisons(scored),
        "false_alarms": {split: _false_alarms(artefact, scored[split]) for split in (KNOWN, UNFAMILIAR)},
    }


def note_opening(openings: Path, artefact: str, reason: str) -> None:
    """Append one line of the table of openings; raises ValueError without a reason."""
    if not reason.strip():
        raise ValueError("opening the test splits needs a reason")
    if not openings.is_file():
        openings.write_text(
            "# Openings of the test splits\n\n| date | commit | artefact | reason |\n|---|---|---|---|\n"
        )
    git = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    commit = git.stdout.strip() or "no checkout"
    with openings.open("a", encoding="utf-8") as stream:
        stream.write(f"| {datetime.now(UTC):%Y-%m-%d %H:%M} UTC | {commit} | {artefact} | {reason.strip()} |\n")


@dataclass(frozen=True, slots=True)
class _Group:
    """The scores of one collection [n], raw and folded, and one of its rows."""

    raw: Floats
    folded: Floats
    row: Crop


Scored = dict[str, _Group]


def _score(artefact: Artefact, data: Path, split: str) -> Scored:
    groups: dict[str, list[Crop]] = defaultdict(list)
    for crop in listing.index(data, split):
        groups[crop.collection].append(crop)
    result: Scored = {}
    for name, rows in sorted(groups.items()):
        raw = artefact.model.score(listing.load(data, rows)).total
        result[name] = _Group(raw, artefact.calibration.fold(raw), rows[0])
    return result


def _comparisons(scored: dict[str, Scored]) -> dict[str, Any]:
    genuine = {split: list(scored[split].values()) for split in (KNOWN, UNFAMILIAR)}
    table: dict[str, Any] = {}
    for name, fakes in scored[FAKES].items():
        row: dict[str, Any] = {"family": fakes.row.family, "generator": fakes.row.generator, "n": fakes.raw.size}
        for split, sources in genuine.items():
            row[split] = _against(fakes, sources)
        own = SAME_SOURCE.get(name, "")
        for split in (KNOWN, UNFAMILIAR):
            if own in scored[split]:
                row["same_source"] = {"collection": own, **_against(fakes, [scored[split][own]])}
        table[name] = row
    return table


def _against(fakes: _Group, genuine: Sequence[_Group]) -> dict[str, Any]:
    sides = {
        "one_sided": auc(fakes.raw, np.concatenate([source.raw for source in genuine])),
        "folded": auc(fakes.folded, np.concatenate([source.folded for source in genuine])),
    }
    result: dict[str, Any] = {"n": sum(source.raw.size for source in genuine)}
    for side, (area, low, high) in sides.items():
        result[side] = {"auc": round(area, 4), "interval": [round(low, 4), round(high, 4)]}
    return result


def _false_alarms(artefact: Artefact, sources: Scored) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for name, group in sources.items():
        p_values = [artefact.calibration.p_value(float(score))[0] for score in group.folded]
        row: dict[str, Any] = {"n": len(p_values)}
        for level in LEVELS:
            alarms = sum(p <= level for p in p_values)
            low, high = clopper_pearson(alarms, len(p_values))
            row[f"p<={level}"] = {
                "alarms": alarms, "rate": round(alarms / len(p_values), 4), "interval": [round(low, 4), round(high, 4)],
            }  # fmt: skip
        table[name] = row
    return table
