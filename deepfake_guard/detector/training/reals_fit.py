"""`fit --reals`: from the shipped artefact to one of a host's own; judged before and after on photos kept for that.

Quick: the shipped scales stay, own faces are counted. Whole: scales and counting come from own faces. µFlow is trained
on as well where it has a weight in what decides, or where that is asked for: its Gaussians are fitted anew on averages
of own faces, its flows go on from the shipped ones. Heads and other signals stay as they are shipped: they need fakes,
or have nothing to choose by here.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from deepfake_guard import __version__

from .. import faces, weights
from ..calibration import Calibration, Conditions, HeatRange
from ..calibration.bucket import Raw
from ..ensemble import MUFLOW, Ensemble
from ..manifest import CALIBRATED_ON, FaceSet, Manifest, located
from ..signals.muflow import MuFlow
from . import fit_report, photos
from .averages import averages
from .calibrate import Faces, calibrate_like, heat_scale, recalibrate
from .fit_flow import Progress, Schedule, cache, fit_flow, held_out, line, variants
from .fit_gaussian import fit_alike
from .photos import Say
from .reals import Prepared, averaged, prepare, unused
from .reals_check import LEVELS, Judged, Rate, alarms
from .stored_scores import StoredScores

OWN, TERMS = "own photos", "the host's own"
REPORT = "report.html"
SCORES = "scores-as-they-came"  # in `run`: of faces that stay as they are in buckets of their own conditions
# Twenty minutes of continued training: an hour for 2,000 photos on two cores leaves as much for each other step.
ADAPTING = Schedule(lr=1e-3, epochs=60, plateau=1, patience=6, minutes=20.0)


def fit_reals(
    folder: Path,
    out: Path,
    *,
    quick: bool = False,
    adapt: bool = False,
    artefact: Path | None = None,
    run: Path | None = None,
    device: str = "auto",
    say: Say = photos.silent,
    finder: faces.Finder | None = None,
    schedule: Schedule = ADAPTING,
) -> Manifest:
    """Make an artefact of the host's own in `out`, with `report.html`, from a folder of genuine photos.

    quick: recalibrate only. adapt: train µFlow on even where it has no weight in what decides. artefact: what to start
    from (default: the shipped one). run: where crops and training are kept, so that the same command goes on after a
    stop (default: beside `out`).
    Raises TooFewFaces, ArtefactError, DeviceError, DecoderUnavailable.
    """
    shipped = weights.load(artefact, device)
    run = run or out.with_name(f"{out.name}.run")
    trains = not quick and (adapt or MUFLOW in shipped.calibration.fusion.weights)
    laid = faces.laying(finder or faces.choose(), shipped.manifest.alignment, shipped.manifest.crop_px)
    prepared = prepare(folder, run, quick=quick, trains=trains, seed=schedule.seed, finder=laid, made=out, say=say)
    say(f"{unused(prepared.dropped)}; {prepared}")
    training: dict[str, Any] = {"quick": quick}
    ensemble = shipped.ensemble
    if trains:
        at_work = run / course(prepared, shipped.manifest.detector_id)
        model, progress = adapted(shipped.model, prepared, schedule, at_work, say)
        ensemble = replace(ensemble, muflow=model)
        training |= {"k": averaged(len(prepared.splits["train"])), "epochs": progress.epoch, "best": progress.best}
    elif not quick:
        say("µFlow has no weight in what decides and stays as it is: the faces that would train it calibrate")
    if quick:
        calibration = _recalibrated(shipped, prepared, run, schedule.seed, say)
    else:
        heat = heat_scale(ensemble.muflow, prepared.of("select")) if trains else shipped.calibration.heat
        calibration = _calibrated(ensemble, shipped, prepared, heat, run, schedule.seed, say)
    judged = _judged(shipped, ensemble, calibration, prepared)
    passport = _passport(shipped.manifest, prepared, training, judged)
    kind = shipped.manifest.detector_id.rpartition("-")[0]  # what is in it has not changed
    made = weights.save(out, ensemble, calibration, passport, kind)
    weights.copy_licences([located(artefact)], out)
    (out / REPORT).write_text(fit_report.page(made, calibration, prepared, judged), encoding="utf-8")
    for said in fit_report.lines(calibration, judged):
        say(said)
    say(f"report: {out / REPORT}")
    return made


def _recalibrated(shipped: weights.Artefact, prepared: Prepared, run: Path, seed: int, say: Say) -> Calibration:
    ensemble = shipped.ensemble
    return recalibrate(
        lambda crops: ensemble.score(crops).scores,
        shipped.calibration,
        _faces(prepared, "calibrate"),
        seed=seed,
        stored=StoredScores(run / SCORES, shipped.manifest.detector_id),
        say=say,
    )


def adapted(shipped: MuFlow, prepared: Prepared, schedule: Schedule, run: Path, say: Say) -> tuple[MuFlow, Progress]:
    """µFlow whose Gaussians are those of own averages and whose flows have gone on from the shipped ones."""
    train, select = prepared.of("train"), prepared.of("select")
    size = averaged(len(train))
    say(f"{schedule.averages} averages of K = {size} faces (at most 500, at most a quarter of {len(train)})")
    drawn = averages(train, schedule.seed, size, schedule.averages)
    model = MuFlow(shipped.backbone, fit_alike(shipped, drawn, schedule.seed), shipped.settings)
    model.precision = shipped.precision
    _take_flows(model, shipped)
    model = model.to(shipped.device)
    say(f"feature maps of {1 + schedule.variants} variants of each training face")
    chosen = cache(model, select)
    started = held_out(model, chosen)
    progress = fit_flow(model, variants(model, train, schedule), chosen, schedule, run, lambda now: say(line(now)))
    say(f"NLL of the selection faces: {started:.3f} before, {progress.best:.3f} after {progress.epoch} epochs")
    if progress.best >= started:
        say("no epoch was better: the flows stay as they were")
        _take_flows(model, shipped)
    return model.eval().requires_grad_(False), progress


def _take_flows(model: MuFlow, shipped: MuFlow) -> None:
    for own, known in zip(model.stages(), shipped.stages(), strict=True):
        own.flow.load_state_dict(known.flow.state_dict())


def course(prepared: Prepared, start: str) -> str:
    """The folder of this training's state, by the artefact it starts from and by who has which role. Other photos deal
    out other roles: a flow that has learned from faces that now calibrate would find these calm, and every other face
    strange beside them."""
    files = [[prepared.files[at] for at in prepared.splits[role]] for role in ("train", "select")]
    return f"flow-{hashlib.sha256(json.dumps([start, *files]).encode()).hexdigest()[:12]}"


def _digest(model: MuFlow) -> str:
    """Names µFlow's weights, so that scores of others are never taken for theirs."""
    digest = hashlib.sha256()
    for value in model.state_dict().values():
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _calibrated(
    ensemble: Ensemble,
    shipped: weights.Artefact,
    prepared: Prepared,
    heat: HeatRange,
    run: Path,
    seed: int,
    say: Say,
) -> Calibration:
    chosen, counted = _faces(prepared, "select"), _faces(prepared, "calibrate")
    stored = StoredScores(run / SCORES, f"{shipped.manifest.detector_id} {_digest(ensemble.muflow)}")
    return calibrate_like(
        lambda crops: ensemble.score(crops).scores, shipped.calibration, chosen, counted, heat, seed=seed,
        stored=stored, say=say,
    )  # fmt: skip


def _faces(prepared: Prepared, role: str) -> Faces:
    at = prepared.splits[role]
    return Faces(prepared.of(role), prepared.native_px[at], tuple(prepared.encodings[index] for index in at))


def _judged(shipped: weights.Artefact, ensemble: Ensemble, calibration: Calibration, prepared: Prepared) -> Judged:
    held = bool(len(prepared.splits["judge"]))
    indices = prepared.splits["judge" if held else "calibrate"]
    crops = prepared.crops[indices]
    conditions = [Conditions(int(prepared.native_px[at]), prepared.encodings[at], crops.shape[1]) for at in indices]

    def rates(raw: Raw, by: Calibration) -> tuple[Rate, ...]:
        p = np.asarray([each.p_value for each in by.judge_many(raw, conditions)])
        return tuple(alarms(p, level) for level in LEVELS)

    there = shipped.ensemble.score(crops).scores
    before = rates(there, shipped.calibration)
    if not held:
        return Judged(held, before, ())
    own = there if ensemble is shipped.ensemble else ensemble.score(crops).scores
    return Judged(held, before, rates(own, calibration))


def _passport(shipped: Manifest, prepared: Prepared, training: dict[str, Any], judged: Judged) -> Manifest:
    """The shipped sets but those that calibrated, and the shipped terms; own faces in their roles."""
    own = [
        FaceSet(OWN, role, len(prepared.splits[role]), TERMS)
        for role in ("train", "select", "calibrate")
        if len(prepared.splits.get(role, ()))
    ]
    kept = [each for each in shipped.sets if each.role != "calibrate"]
    before = {name: said for name, said in shipped.training.items() if name != CALIBRATED_ON}
    trained = "epochs" in training  # then the likelihood that was measured is another network's
    metrics = {name: said for name, said in shipped.metrics.items() if not (trained and name == "select_nll")}
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
        training={**before, "own_photos": {**training, "from": shipped.detector_id}},
        metrics={**metrics, "own_photos": {"held_out": judged.held_out, **figures}},
        starter=False,
        derived_from=shipped.detector_id if shipped.starter or not shipped.derived_from else shipped.derived_from,
        notes=f"Made from {shipped.detector_id} on {len(prepared)} faces of the host's own.",
    )
