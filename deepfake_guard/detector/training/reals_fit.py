"""`fit --reals`: from the shipped artefact to one of a host's own; judged before and after on photos kept for that.

Quick: the shipped scales stay, own faces are counted. Whole: µFlow's Gaussians are fitted anew on averages of own
faces, its flows go on from the shipped ones, then scales and counting come from own faces, too. Heads and other signals
stay as they are shipped: they need fakes, or have nothing to choose by here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepfake_guard import __version__

from .. import faces, weights
from ..calibration import BUCKETS, ROOT, Calibration, Conditions, Floats, Standard
from ..ensemble import Ensemble
from ..manifest import GenuineSet, Manifest
from ..signals.muflow import MuFlow
from . import fit_report, photos
from .averages import averages
from .calibrate import heat_scale
from .fit_flow import Progress, Schedule, cache, fit_flow, held_out, variants
from .fit_gaussian import fit_gaussians
from .photos import Pixels, Say
from .reals import Prepared, averaged, prepare
from .reals_check import Rate, alarms

LEVELS = (0.05, 0.01)
QUICK_ENCODINGS = 4  # the most frequent of the photos
OWN, TERMS = "own photos", "the host's own"
REPORT = "report.html"
# Twenty minutes of continued training: an hour for 2,000 photos on two cores leaves as much for each other step.
ADAPTING = Schedule(lr=1e-3, epochs=60, plateau=1, patience=6, minutes=20.0)

Recut = Callable[[Pixels, NDArray[np.int64], str, int], Pixels]
Raw = Mapping[str, Floats]


@dataclass(frozen=True, slots=True)
class Judged:
    """False alarms on own faces at each of LEVELS, by the shipped artefact and by the new one. held_out: these faces
    did nothing else; otherwise nobody was left to judge and `after` is empty: at most the level, as it was counted."""

    held_out: bool
    before: tuple[Rate, ...]
    after: tuple[Rate, ...]


def fit_reals(
    folder: Path,
    out: Path,
    *,
    quick: bool = False,
    artefact: Path | None = None,
    run: Path | None = None,
    device: str = "auto",
    say: Say = photos.silent,
    finder: faces.Finder | None = None,
    schedule: Schedule = ADAPTING,
    recut: Recut | None = None,
) -> Manifest:
    """Make an artefact of the host's own in `out`, with `report.html`, from a folder of genuine photos.

    quick: recalibrate only. artefact: what to start from (default: the shipped one). run: where crops and training are
    kept, so that the same command goes on after a stop (default: beside `out`). recut: (crops, native sizes, bucket,
    seed) -> crops under the bucket's conditions, where the finer buckets are to be calibrated, too; without it all
    faces are judged at the root, against own faces as they came.
    Raises TooFewFaces, ArtefactError, DeviceError, DecoderUnavailable.
    """
    shipped = weights.load(artefact, device)
    run = run or out.with_name(f"{out.name}.run")
    prepared = prepare(folder, run, quick=quick, seed=schedule.seed, finder=finder, say=say)
    say(", ".join(f"{len(indices)} {role}" for role, indices in prepared.splits.items()))
    training: dict[str, Any] = {"quick": quick}
    if quick:
        ensemble = shipped.ensemble
        views = _views(
            ensemble, prepared, "calibrate", _quick_buckets(shipped.calibration, prepared, recut), recut, say
        )
        calibration = shipped.calibration.recounted(views)
    else:
        model, progress = adapted(shipped.model, prepared, schedule, run, say)
        ensemble = Ensemble(model, shipped.ensemble.signals, shipped.ensemble.head)
        calibration = _calibrated(ensemble, shipped.calibration, prepared, recut, say)
        training |= {"k": averaged(len(prepared.splits["train"])), "epochs": progress.epoch, "best": progress.best}
    judged = _judged(shipped, ensemble, calibration, prepared)
    passport = _passport(shipped.manifest, prepared, training, judged)
    made = weights.save(out, ensemble, calibration, passport)
    (out / REPORT).write_text(fit_report.page(made, calibration, prepared, judged), encoding="utf-8")
    say(f"report: {out / REPORT}")
    return made


def adapted(shipped: MuFlow, prepared: Prepared, schedule: Schedule, run: Path, say: Say) -> tuple[MuFlow, Progress]:
    """µFlow whose Gaussians are those of own averages and whose flows have gone on from the shipped ones."""
    train, select = prepared.of("train"), prepared.of("select")
    size = averaged(len(train))
    say(f"{schedule.averages} averages of K = {size} faces (at most 500, at most a quarter of {len(train)})")
    drawn = averages(train, schedule.seed, size, schedule.averages)
    gaussians = fit_gaussians(shipped.features, drawn, shipped.settings.pooling)
    model = MuFlow(shipped.backbone, gaussians, shipped.settings)
    for own, known in zip(model.stages(), shipped.stages(), strict=True):
        own.flow.load_state_dict(known.flow.state_dict())
    model = model.to(shipped.device)
    say(f"feature maps of {1 + schedule.variants} variants of each training face")
    chosen = cache(model, select)
    started = held_out(model, chosen)
    progress = fit_flow(
        model, variants(model, train, schedule), chosen, schedule, run / "flow", lambda now: _tell(now, say)
    )
    say(f"NLL of the selection faces: {started:.3f} before, {progress.best:.3f} after {progress.epoch} epochs")
    return model.eval().requires_grad_(False), progress


def _tell(now: Progress, say: Say) -> None:
    last = now.history[-1]
    say(f"epoch {now.epoch}: train {last['train']:.4f}, select {last['select']:.4f}, {last['seconds']:.0f} s")


def _calibrated(
    ensemble: Ensemble, shipped: Calibration, prepared: Prepared, recut: Recut | None, say: Say
) -> Calibration:
    heat = heat_scale(ensemble.muflow, prepared.of("select"))
    wanted = BUCKETS if recut else (ROOT,)
    select, genuine = (_views(ensemble, prepared, role, wanted, recut, say) for role in ("select", "calibrate"))
    heads = [name for name, scale in shipped.buckets[ROOT].scales.items() if isinstance(scale, Standard)]
    return Calibration.fit(select, genuine, heat, heads, shipped.fusion, shipped.strange)


def _quick_buckets(shipped: Calibration, prepared: Prepared, recut: Recut | None) -> tuple[str, ...]:
    """The root; with `recut` also sizes and the most frequent encodings, as far as there are shipped scales."""
    if recut is None:
        return (ROOT,)
    frequent = {name for name, _ in Counter(prepared.encodings).most_common(QUICK_ENCODINGS)}
    return tuple(key for key in shipped.counts() if key.partition("/")[0] in {ROOT, *frequent})


def _views(
    ensemble: Ensemble, prepared: Prepared, role: str, buckets: Sequence[str], recut: Recut | None, say: Say
) -> dict[str, Raw]:
    """Raw scores of the faces of a role: at the root as they came, elsewhere under the bucket's conditions."""
    crops, native = prepared.of(role), prepared.native_px[prepared.splits[role]]
    views: dict[str, Raw] = {}
    for seed, bucket in enumerate(buckets):
        say(f"scoring {role} faces as {bucket} ({seed + 1} of {len(buckets)})")
        seen = crops if bucket == ROOT or recut is None else recut(crops, native, bucket, seed)
        if len(seen):
            views[bucket] = ensemble.score(seen).scores
    return views


def _judged(shipped: weights.Artefact, ensemble: Ensemble, calibration: Calibration, prepared: Prepared) -> Judged:
    held = bool(len(prepared.splits["judge"]))
    indices = prepared.splits["judge" if held else "calibrate"]
    conditions = [Conditions(int(prepared.native_px[at]), prepared.encodings[at]) for at in indices]

    def rates(scored: Ensemble, by: Calibration) -> tuple[Rate, ...]:
        found = by.judge_many(scored.score(prepared.crops[indices]).scores, conditions)
        p = np.asarray([each.p_value for each in found])
        return tuple(alarms(p, level) for level in LEVELS)

    before = rates(shipped.ensemble, shipped.calibration)
    return Judged(held, before, rates(ensemble, calibration) if held else ())


def _passport(shipped: Manifest, prepared: Prepared, training: dict[str, Any], judged: Judged) -> Manifest:
    """The shipped sets but those that calibrated; own faces in their roles."""
    own = [
        GenuineSet(OWN, role, len(prepared.splits[role]), TERMS)
        for role in ("train", "select", "calibrate")
        if len(prepared.splits.get(role, ()))
    ]
    kept = [each for each in shipped.sets if each.role != "calibrate"]
    sides = {"before": judged.before, "after": judged.after}
    figures = {
        side: {f"p<={rate.level}": {"alarms": rate.alarms, "n": rate.n} for rate in rates}
        for side, rates in sides.items()
    }
    return replace(
        shipped,
        created=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        code_version=__version__,
        sets=(*kept, *own),
        training={**shipped.training, "own_photos": {**training, "from": shipped.detector_id}},
        metrics={**shipped.metrics, "own_photos": {"held_out": judged.held_out, **figures}},
        starter=False,
        notes=f"Made from {shipped.detector_id} on {len(prepared)} faces of the host's own.",
    )
