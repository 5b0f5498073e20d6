"""What an artefact of one's own changes: some genuine photos of a source make it, all others of it are only judged.

The photos that fit are laid into a folder of their own and go the whole road of `fit --reals`, so that its time and its
faults are those that a host meets. Beside it stands what recalibrating alone does, over many draws of a few photos.
"""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import faces, weights
from ..calibration import Calibration, Conditions
from ..ensemble import Ensemble
from ..weights import Artefact
from . import near_duplicates as near
from . import photos
from .calibrate import QUICK_BUCKETS, Faces, RawScores, raw_scores
from .fit_flow import Schedule
from .photos import Say
from .reals import FULL_FROM, QUICK_FROM, cleaned
from .reals_check import LEVELS, Draws, Indices, Rate, alarms, as_they_came, drawn
from .reals_fit import ADAPTING, fit_reals
from .simulated import entering
from .stored_scores import StoredScores

PHOTOS, ARTEFACT, RUN, SEEN, SCORES, FOUND = "photos", "artefact", "artefact.run", "seen", "scores", "trial.json"
AS_THEY_CAME = "as-they-came"  # where scores of photos are kept that were not degraded
BATCH = 100

Raw = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Plan:
    """fit: how many photos make the artefact; calibrating: how many recalibrate in each of the `draws`."""

    fit: int = FULL_FROM
    calibrating: int = QUICK_FROM
    draws: int = 50
    seed: int = 0


@dataclass(frozen=True, eq=False, slots=True)
class Source:
    """n different faces of one source, those that fit and those that are judged, and what became of other photos."""

    pool: Faces
    files: tuple[str, ...]
    conditions: tuple[Conditions, ...]
    fit: Indices
    judge: Indices
    dropped: Mapping[str, int]

    @classmethod
    def read(cls, folder: Path, paths: Sequence[Path], run: Path, plan: Plan, finder: faces.Finder, say: Say) -> Source:
        """Find, clean and deal out, seeded; look-alikes never stand on both sides. Raises ValueError for too few."""
        album = photos.read(folder, paths, run, finder, say)
        kept, dropped = cleaned(album.photos)
        if len(kept) <= max(plan.fit, plan.calibrating):
            raise ValueError(f"{len(kept)} usable photos: {plan.fit} are to fit, and some are to be judged")
        share = plan.fit / len(kept)
        labels = near.groups([bytes.fromhex(photo.fingerprint) for photo in kept])
        roles = near.roles(labels, {"fit": share, "judge": 1 - share}, plan.seed)
        return cls(
            Faces(
                np.stack([album.crops[one.at] for one in kept]),
                np.asarray([one.native_px for one in kept]),
                tuple(one.encoding for one in kept),
            ),
            tuple(one.file for one in kept),
            tuple(Conditions(one.native_px, one.encoding, finder.side) for one in kept),
            roles["fit"],
            roles["judge"],
            dict(Counter(each.reason for each in dropped)),
        )


def trial(
    folder: Path,
    paths: Sequence[Path],
    out: Path,
    *,
    artefact: Path | None = None,
    plan: Plan | None = None,
    quick: bool = False,
    device: str = "auto",
    finder: faces.Finder | None = None,
    schedule: Schedule = ADAPTING,
    say: Say = photos.silent,
) -> dict[str, Any]:
    """False alarms before and after `fit --reals`, its minutes, and the draws; written to `out` as JSON, too.

    paths: genuine photos below `folder`, of one source. artefact: what is there before (default: the shipped one).
    Everything is kept in `out`, so that the same command goes on after a stop. Raises what `fit_reals` raises, and
    ValueError for too few photos.
    """
    plan, before = plan or Plan(), weights.load(artefact, device)
    finder = faces.laying(finder or faces.choose(), before.manifest.alignment, before.manifest.crop_px)
    source = Source.read(folder, paths, out / SEEN, plan, finder, say)
    say(f"{len(source.fit)} photos fit, {len(source.judge)} are judged")
    _lay_out(folder, source, out / PHOTOS)
    resumed, started = (out / RUN).exists(), time.monotonic()
    made = fit_reals(
        out / PHOTOS, out / ARTEFACT, quick=quick, artefact=artefact, run=out / RUN, device=device, finder=finder,
        schedule=schedule, say=say,
    )  # fmt: skip
    minutes = (time.monotonic() - started) / 60
    came = _scored(before, source.pool, out / SCORES, say)
    own = weights.load(out / ARTEFACT, device)
    others = Faces(source.pool.crops[source.judge], source.pool.native_px[source.judge])
    conditions = [source.conditions[at] for at in source.judge]
    after = _scored(own, others, out / SCORES, say)
    found = {
        "before": {"artefact": before.manifest.detector_id, "calibration": before.manifest.calibration_id},
        "after": {"artefact": made.detector_id, "calibration": made.calibration_id, "quick": quick},
        "finder": finder.name,
        "photos": {"read": len(paths), "fit": len(source.fit), "judged": len(source.judge), "dropped": source.dropped},
        "minutes": {"fit": round(minutes, 1), "resumed": resumed},
        "own_photos": made.training["own_photos"],
        "false_alarms": {
            "before": _rates(before.calibration, _part(came, source.judge), conditions),
            "after": _rates(own.calibration, after, conditions),
        },
        "draws": _draws(before, source, came, plan, out / SCORES, say),
    }
    (out / FOUND).write_text(json.dumps(found, indent=1), encoding="utf-8")
    return found


def _lay_out(folder: Path, source: Source, home: Path) -> None:
    """The photos that fit, and no others, in a folder as a host would have one."""
    wanted = {source.files[at] for at in source.fit}
    for path in photos.listed(home) if home.is_dir() else []:
        if str(path.relative_to(home)) not in wanted:
            path.unlink()
    for name in sorted(wanted):
        target = home / name
        if not target.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(folder / name, target)


def _scored(artefact: Artefact, pool: Faces, kept: Path, say: Say) -> Raw:
    """Raw scores [n] by signal of photos as they came."""
    stored = StoredScores(kept, f"{artefact.manifest.detector_id} {AS_THEY_CAME}")
    parts: list[Raw] = []
    for at in range(0, len(pool), BATCH):
        crops, sides = pool.crops[at : at + BATCH], pool.native_px[at : at + BATCH]
        scores = stored.find(crops, sides, AS_THEY_CAME, 0)
        if not scores:
            scores = dict(artefact.ensemble.score(crops).scores)
            stored.keep(crops, sides, AS_THEY_CAME, 0, scores)
        parts.append(scores)
        say(f"{artefact.manifest.detector_id}: {min(at + BATCH, len(pool))} of {len(pool)} photos scored")
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _part(raw: Raw, at: Indices) -> dict[str, NDArray[np.float64]]:
    return {name: scores[at] for name, scores in raw.items()}


def _p(calibration: Calibration, raw: Raw, conditions: Sequence[Conditions]) -> NDArray[np.float64]:
    return np.asarray([each.p_value for each in calibration.judge_many(raw, conditions)])


def _rates(calibration: Calibration, raw: Raw, conditions: Sequence[Conditions]) -> dict[str, Any]:
    p = _p(calibration, raw, conditions)
    buckets = Counter(calibration.chain(each)[0] for each in conditions)
    return {**{f"p<={level}": _stated(alarms(p, level)) for level in LEVELS}, "buckets": dict(buckets.most_common())}


def _stated(rate: Rate) -> dict[str, Any]:
    low, high = rate.interval
    return {
        "alarms": rate.alarms,
        "n": rate.n,
        "rate": round(rate.rate, 4),
        "interval": [round(low, 4), round(high, 4)],
    }


def _draws(before: Artefact, source: Source, came: Raw, plan: Plan, kept: Path, say: Say) -> dict[str, Any]:
    """Recalibrated as `calibrate` does it (own faces counted in their buckets, and brought to the conditions of
    others), and by own faces as they came, whatever their buckets: the difference is what simulating costs."""
    simulated, places = _simulated(before.ensemble, before.calibration, source, plan.seed, kept, before, say)
    rates: dict[float, list[float]] = {level: [] for level in LEVELS}
    for own, rest in drawn(len(source.pool), plan.calibrating, plan.draws, plan.seed):
        genuine = {key: _part(raw, np.flatnonzero(np.isin(places[key], own))) for key, raw in simulated.items()}
        recalibrated = before.calibration.recounted(genuine)
        p = _p(recalibrated, _part(came, rest), [source.conditions[at] for at in rest])
        for level, found in rates.items():
            found.append(alarms(p, level).rate)
    judged = len(source.pool) - plan.calibrating
    fused = [each.score for each in before.calibration.judge_many(came, source.conditions)]
    plain = {"calibrating": plan.calibrating, "draws": plan.draws, "seed": plan.seed}
    return {
        "recalibrated": {
            f"p<={level}": _spread(Draws(level, plan.calibrating, judged, np.asarray(rates[level]))) for level in LEVELS
        },
        AS_THEY_CAME: {f"p<={level}": _spread(as_they_came(fused, level=level, **plain)) for level in LEVELS},
        **plain,
        "judged": judged,
    }


def _simulated(
    ensemble: Ensemble, calibration: Calibration, source: Source, seed: int, kept: Path, before: Artefact, say: Say
) -> tuple[RawScores, dict[str, Indices]]:
    """Of the buckets in which these photos are judged: raw scores under their conditions, and whose they are."""
    serving = {key for each in set(source.conditions) for key in calibration.chain(each)}
    keys = [key for key in QUICK_BUCKETS if key in serving]
    stored = StoredScores(kept, f"{before.manifest.detector_id} in buckets")
    raw = raw_scores(lambda crops: ensemble.score(crops).scores, source.pool, keys, seed=seed, stored=stored, say=say)
    return raw, {key: entering(source.pool.crops, source.pool.native_px, key) for key in keys}


def _spread(found: Draws) -> dict[str, Any]:
    low, high = found.middle
    return {
        "mean": round(found.mean, 4), "spread": round(found.spread, 4), "middle_90": [round(low, 4), round(high, 4)]
    }  # fmt: skip
