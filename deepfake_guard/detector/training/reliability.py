"""Genuine test faces under the conditions of each calibrated bucket: is p there as often small as it should be?

Uploads of the test faces come in few conditions. So each face is brought to those of every bucket as calibration faces
were (`simulated.bucket_crops`), and judged by that bucket's counts. All of it simulated; reports say so.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..calibration import Calibration, Floats
from ..calibration.bucket import FUSED
from ..calibration.conditions import ANY
from ..manifest import Manifest
from ..weights import Artefact
from . import crops as listing
from .calibrate_index import as_stored
from .crops import Crop, Pixels
from .evaluation_figures import DFDC, STEPS, rate, strangers
from .evaluation_splits import TESTS, Splits
from .evaluation_table import Row, Say, key, once, silent
from .openings import Book
from .simulated import bucket_crops
from .statistics import chance_of_counting
from .uniformity import detectable, from_uniform

MOST = 2_000  # faces of a group: with more, intervals are narrower than what counting 700 calibration faces leaves open
DRAW = 2**32  # and more are the seeds of test faces: `fit` and `calibrate` draw by small ones
KNOWN, UNTRAINED, DFDC_FACES, BY_CHANCE = "known", "untrained", "dfdc", "by_chance"

Score = Callable[[Pixels], Mapping[str, Floats]]  # crops uint8 [n, s, s, 3] -> raw scores [n] of what decides
Groups = Mapping[str, Sequence[Crop]]


def by_bucket(
    artefact: Artefact,
    data: Path,
    *,
    openings: Path,
    reason: str,
    splits: Splits = TESTS,
    scores: Path | None = None,
    most: int = MOST,
    say: Say = silent,
) -> dict[str, Any]:
    """Group -> bucket -> shares of p at or below each level, see `stated`; and what chance leaves open ("by_chance").

    Groups: "known" (sources of the known split), "untrained" (those of the unfamiliar split that no set of the manifest
    names), "dfdc"; seeded `most` of a group that has more. scores: a file that keeps each face's p-values, as in
    `evaluate`; the opening is written down there where a face is missing, and not where none is.
    """
    passport = artefact.manifest
    grouped = groups(data, splits, passport, most)
    deciding, calibration = artefact.calibration.fusion.weights, artefact.calibration
    book = Book(openings if splits.opens_tests() else None, splits.why(reason))

    def placed(batch: Sequence[Crop]) -> list[Row]:
        pixels = listing.load(data, batch)
        found = p_values(
            lambda crops: artefact.ensemble.asked(crops, deciding), calibration, batch, pixels, as_stored(passport)
        )
        return [{"path": crop.path, "p_values": each} for crop, each in zip(batch, found, strict=True)]

    rows = once(
        data,
        [crop for crops in grouped.values() for crop in crops],
        placed,
        f"{key(passport)} by bucket",
        kept=scores,
        before=lambda: book.note(passport.detector_id, "(by bucket)"),
        say=lambda line: say(f"under the conditions of {len(calibration.buckets)} buckets: {line}"),
    )
    found = {name: [rows[crop.path]["p_values"] for crop in crops] for name, crops in grouped.items()}
    figures = {name: stated(faces, calibration.counts()) for name, faces in found.items()}
    return {**figures, BY_CHANCE: chance(calibration)}


def groups(data: Path, splits: Splits, passport: Manifest, most: int) -> dict[str, list[Crop]]:
    """The faces to be judged, by group; groups without faces are left out."""
    unfamiliar = listing.index(data, splits.unfamiliar, splits.track)
    names = set(strangers({crop.collection for crop in unfamiliar}, passport.genuine))
    grouped = {
        KNOWN: listing.index(data, splits.known, splits.track),
        UNTRAINED: [crop for crop in unfamiliar if crop.collection in names],
        DFDC_FACES: [crop for crop in unfamiliar if crop.collection == DFDC],
    }
    return {name: _few(crops, most) for name, crops in grouped.items() if crops}


def p_values(
    score: Score, calibration: Calibration, crops: Sequence[Crop], pixels: Pixels, stored: bool = False
) -> list[dict[str, float]]:
    """Crops and their pixels uint8 [n, s, s, 3] -> for each, bucket -> p-value, but where it is too small to enter.

    A face's draws follow from its path and the bucket alone, whatever it is scored beside. stored: it stays as it is
    stored in the buckets without an encoding, as the faces did that were counted (`calibrate_index`).
    """
    came = (ANY,) if stored else None
    found: list[dict[str, float]] = [{} for _ in crops]
    for bucket in calibration.counts():
        entered, made = [], []
        for at, crop in enumerate(crops):
            seed = DRAW + zlib.crc32(crop.path.encode())
            upload, indices = bucket_crops(pixels[at : at + 1], [crop.native_px], bucket, seed, came)
            if indices.size:
                entered.append(at)
                made.append(upload[0])
        if not made:
            continue
        counted = calibration.buckets[bucket]
        reached = counted.reached(FUSED, calibration.decided(score(np.stack(made)), bucket))
        for at, above in zip(entered, reached, strict=True):
            found[at][bucket] = (1 + above) / (counted.n + 1)
    return found


def stated(faces: Iterable[Mapping[str, float]], counts: Mapping[str, int]) -> dict[str, Any]:
    """Bucket -> n judged, n counted, rates of p at or below each of STEPS with Clopper–Pearson intervals, the distance
    D of p from uniform, and the D that a test at 5 % would notice there by itself; JSON-ready.

    faces: bucket -> p-value of each; counts: bucket -> calibration faces.
    """
    listed, document = list(faces), dict[str, Any]()
    for bucket, counted in counts.items():
        p = np.asarray([each[bucket] for each in listed if bucket in each])
        if p.size:
            document[bucket] = {
                "n": int(p.size),
                "calibration_n": counted,
                **{f"p<={step}": rate((p <= step).tolist()) for step in STEPS},
                "distance": round(from_uniform(p, counted), 4),
                "noticed_from": round(detectable(counted, p.size), 4),
            }
    return document


def chance(calibration: Calibration) -> dict[str, dict[str, list[float]]]:
    """Bucket -> level -> the middle 95 % of where its true share lies, because n faces were counted and not all."""
    return {
        bucket: {f"p<={step}": [round(bound, 4) for bound in chance_of_counting(step, n)] for step in STEPS}
        for bucket, n in calibration.counts().items()
    }


def _few(crops: Sequence[Crop], most: int) -> list[Crop]:
    chosen = np.sort(np.random.default_rng(0).permutation(len(crops))[:most])
    return [crops[at] for at in chosen]
