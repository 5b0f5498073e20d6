"""What a finished detector does on test faces. Opening them is written down: no choice may follow from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..manifest import Manifest
from ..pipeline import Detector
from ..weights import Artefact
from . import crops as listing
from . import evaluation_figures as figures_of
from .crops import FAMILIES, Crop
from .evaluation_examples import Example, examples
from .evaluation_figures import Ground, Heads, Reading, by_collection
from .evaluation_splits import TESTS, Splits
from .evaluation_table import Judged, Say, silent, table
from .evaluation_unseen import Left, headline, unseen_families
from .openings import Book
from .resampling import DRAWS


@dataclass(frozen=True, eq=False, slots=True)
class Evaluation:
    """figures: JSON-ready. rows: by split; refits: family -> rows of its refit, by split; pictures: for a report."""

    figures: dict[str, Any]
    rows: dict[str, list[Judged]]
    reading: Reading
    refits: dict[str, dict[str, list[Judged]]] = field(default_factory=dict)
    pictures: list[Example] = field(default_factory=list)


def evaluate(
    artefact: Artefact,
    data: Path,
    *,
    openings: Path,
    reason: str,
    refits: Mapping[str, Artefact] | None = None,
    splits: Splits = TESTS,
    scores: Path | None = None,
    pictures: bool = False,
    draws: int = DRAWS,
    say: Say = silent,
) -> Evaluation:
    """Score the test splits of `data` once and compare (docs/evaluation.md says what every figure means).

    refits: family -> an artefact of the same recipe that never saw that family, which then judges its collections too.
    scores: a file that keeps every scored face, read first. The opening (date, commit, artefact, reason) is appended to
    `openings` before the first test picture is read, one line an artefact, and not where nothing is read.
    pictures: also read the faces that a report shows. Raises ValueError without a reason, for a family that does not
    exist and for a refit that knows its family, DataError for a folder that lacks a split.
    """
    if not reason.strip():
        raise ValueError("opening the test splits needs a reason")
    refits = _unspoilt(refits or {})
    wanted = _wanted(data, splits)
    book = Book(openings if splits.opens_tests() else None, splits.why(reason))

    def judged(one: Artefact, crops: Sequence[Crop], remark: str = "") -> dict[str, list[Judged]]:
        name = one.manifest.detector_id
        with closing(Detector(one)) as detector:
            rows = table(
                detector, one.manifest, data, crops, kept=scores, before=lambda: book.note(name, remark), say=say
            )
        return {split: [row for row in rows if row.crop.split == split] for split in splits.names()}

    rows = judged(artefact, wanted)
    others = {}
    for family, refit in refits.items():
        say(f"without {family}: {refit.manifest.detector_id}")
        crops = [crop for crop in wanted if crop.label == "real" or crop.family == family]
        others[family] = judged(refit, crops, f"(refit without {family})")
    say("comparing")
    reading = Reading.of(Heads.of(artefact.manifest), rows[splits.select], draws)
    figures = _figures(artefact, rows, reading, splits)
    left = {family: _left(refits[family], found, splits, draws) for family, found in others.items()}
    figures["unseen_family"] = unseen_families(_left(artefact, rows, splits, draws), left)
    figures |= headline(figures, splits.known, splits.unfamiliar)
    shown = examples(artefact, data, rows, splits, book) if pictures else []
    return Evaluation(figures, rows, reading, others, shown)


def _unspoilt(refits: Mapping[str, Artefact]) -> dict[str, Artefact]:
    if unknown := set(refits) - set(FAMILIES):
        raise ValueError(f"no family is called {', '.join(sorted(unknown))}: there are {', '.join(FAMILIES)}")
    for family, refit in refits.items():
        if family in Heads.of(refit.manifest).families:
            raise ValueError(f"the refit {refit.manifest.detector_id} has seen {family}: it must have been left out")
    return dict(refits)


def _wanted(data: Path, splits: Splits) -> list[Crop]:
    """All crops to score. A folder may do without the splits that only fold single signals or test uniformity."""
    found: list[Crop] = []
    for name in splits.names():
        try:
            found += listing.index(data, name, splits.track)
        except listing.DataError:
            if name not in (splits.select, splits.calibrate):
                raise
    return found


def _left(refit: Artefact, rows: Mapping[str, Sequence[Judged]], splits: Splits, draws: int) -> Left:
    reading = Reading.of(Heads.of(refit.manifest), rows[splits.select], draws)
    return Left(refit.manifest.detector_id, rows[splits.fakes], _grounds(rows, reading, splits), reading)


def _grounds(rows: Mapping[str, Sequence[Judged]], reading: Reading, splits: Splits) -> dict[str, Ground]:
    return {name: reading.ground(rows[name]) for name in (splits.known, splits.unfamiliar)}


def _figures(
    artefact: Artefact, rows: Mapping[str, Sequence[Judged]], reading: Reading, splits: Splits
) -> dict[str, Any]:
    """Everything but the refits and the headline."""
    passport: Manifest = artefact.manifest
    fakes, grounds = by_collection(rows[splits.fakes]), _grounds(rows, reading, splits)
    judged = figures_of.judgements(fakes, grounds, reading)
    collections = {name: figures_of.collection(found, judged[name], reading.heads) for name, found in fakes.items()}
    for name, found in fakes.items():
        collections[name]["trivial"] = figures_of.trivially(found, grounds[splits.known].rows)
    trained = set(passport.genuine)
    return {
        "detector_id": passport.detector_id,
        "calibration_id": passport.calibration_id,
        "calibration_n": artefact.calibration.n,
        "heads": {"generators": sorted(reading.heads.generators), "families": sorted(reading.heads.families)},
        "splits": {
            "known": splits.known,
            "unfamiliar": splits.unfamiliar,
            "fakes": splits.fakes,
            "track": splits.track,
        },
        "collections": collections,
        "genuine_sources": figures_of.genuine_sources(grounds, trained),
        "groups": figures_of.macros(fakes, judged, reading.heads),
        "uniformity": figures_of.uniform(rows[splits.calibrate], grounds[splits.known].rows),
        "reliability": {kind: figures_of.reliability(ground.rows) for kind, ground in grounds.items()},
    }
