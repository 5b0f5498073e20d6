"""An artefact's scales and counts from the crops of an index; its weights and what decides stay as they are.

The faces count as `evaluate` scores them: as uploads that show as much and whose encoding is unknown. So in the buckets
without an encoding they stay as they are stored, where `fit` draws a mix of uploads, and p-values of test faces of the
same sources are those of exchangeable faces. The other buckets are simulated, as ever.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from deepfake_guard import __version__

from .. import weights
from ..calibration.conditions import ANY
from ..manifest import CALIBRATED_ON, FaceSet, Manifest, located
from ..records import CROP_PX
from . import crops as listing
from .calibrate import Faces, calibrate_like
from .crops import Crop, DataError
from .evaluation_splits import TESTS
from .evaluation_table import Say, silent
from .stored_scores import StoredScores

ROLES = {TESTS.select: "select", TESTS.calibrate: "calibrate"}
SCORES = "scores-as-they-came"  # in `run`: the buckets without an encoding hold faces as they are stored


def calibrate_index(
    data: Path,
    out: Path,
    *,
    track: str = "hq",
    artefact: Path | None = None,
    run: Path | None = None,
    device: str = "auto",
    say: Say = silent,
) -> Manifest:
    """Write the artefact (default: the shipped one) to `out`, calibrated on select-real and calib-real of one track.

    run: where raw scores are kept, so that the same command goes on after a stop (default: beside `out`). Raises
    DataError for a folder that lacks a split or has crops of another size than the artefact's faces, ArtefactError,
    DeviceError.
    """
    chosen = {split: listing.index(data, split, track) for split in ROLES}
    shipped = weights.load(artefact, device)
    passport, ensemble = shipped.manifest, shipped.ensemble
    select, genuine = (_faces(data, rows, passport.crop_px) for rows in chosen.values())
    calibration = calibrate_like(
        lambda crops: ensemble.score(crops).scores, shipped.calibration, select, genuine, shipped.calibration.heat,
        stored=StoredScores((run or out.with_name(f"{out.name}.run")) / SCORES, passport.detector_id), say=say,
    )  # fmt: skip
    kind = passport.detector_id.rpartition("-")[0]  # what is in it has not changed
    made = weights.save(out, ensemble, calibration, _passport(passport, chosen, track), kind)
    weights.copy_licences([located(artefact)], out)
    return made


def as_stored(passport: Manifest) -> bool:
    """Whether the faces that an artefact counts stayed as they are stored in the buckets without an encoding."""
    return CALIBRATED_ON in passport.training


def _faces(data: Path, rows: Sequence[Crop], crop_px: int) -> Faces:
    pixels = listing.load(data, rows)
    if (side := max(CROP_PX, pixels.shape[1])) != crop_px:
        raise DataError(f"these crops would be scored at {side} px, and this artefact takes faces of {crop_px} px")
    return Faces(pixels, np.asarray([row.native_px for row in rows]), (ANY,) * len(rows))


def _passport(shipped: Manifest, chosen: Mapping[str, Sequence[Crop]], track: str) -> Manifest:
    """What taught the weights stays named; what scaled and counted before does not."""
    kept = [part for part in shipped.sets if part.role not in ROLES.values()]
    sets = [
        FaceSet(name, ROLES[split], n, terms)
        for split, rows in chosen.items()
        for name, n, terms in listing.terms(rows)
    ]
    counts = {split: len(rows) for split, rows in chosen.items()}
    said = ", ".join(f"{n:,} of {split}" for split, n in counts.items())
    return replace(
        shipped,
        created=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        code_version=__version__,
        sets=(*kept, *sets),
        training={**shipped.training, CALIBRATED_ON: {"track": track, **counts, "from": shipped.calibration_id}},
        starter=False,
        derived_from=shipped.detector_id if shipped.starter or not shipped.derived_from else shipped.derived_from,
        notes=f"{shipped.detector_id}, its weights unchanged, calibrated on the {track} track of an index ({said}).",
    )
