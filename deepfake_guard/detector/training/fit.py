"""The whole of `fit`: averages, Gaussians, flows, calibration, artefact."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deepfake_guard import __version__

from .. import device as devices
from .. import faces, weights
from ..ensemble import Ensemble
from ..features import Backbone
from ..manifest import GenuineSet, Manifest
from ..signals.muflow import MuFlow, Settings
from . import averages, crops
from .calibrate import calibrate_alone
from .crops import Pixels
from .fit_flow import Progress, Schedule, cache, fit_flow, held_out, variants
from .fit_gaussian import fit_gaussians

TRAIN, SELECT, CALIBRATE = "train-real", "select-real", "calib-real"
ROLES = {TRAIN: "train", SELECT: "select", CALIBRATE: "calibrate"}

# The starter's recipe: chosen on select-real alone (docs/accuracy.md compares), stopped by the time there was:
# about 40 minutes on two busy cores. `Settings()` and `Schedule()` are the published ones.
SETTINGS = Settings(pooling="mean", objective="density")
SCHEDULE = Schedule(lr=3e-3, epochs=21, plateau=1, patience=6)

Say = Callable[[str], None]


def _silent(line: str) -> None:
    """Progress that nobody asked for."""


def main_fit(
    data: Path,
    out: Path,
    *,
    settings: Settings = SETTINGS,
    schedule: Schedule = SCHEDULE,
    run: Path | None = None,
    device: str = "auto",
    starter: bool = False,
    say: Say = _silent,
) -> Manifest:
    """Fit a detector on the genuine crops of `data` (splits train-real, select-real, calib-real; hq) into `out`.

    run: where the state of training is kept, so that the same command goes on after a stop (default: beside `out`).
    say: told one line of progress at a time. Raises DataError, ArtefactError or DeviceError by name.
    """
    chosen = {split: crops.index(data, split) for split in ROLES}
    target = devices.choose(device)
    train, select = (crops.load(data, chosen[split]) for split in (TRAIN, SELECT))
    say(f"{len(train)} faces train, {len(select)} select; {schedule.averages} averages of {schedule.of}")
    model = _model(train, settings, schedule).to(target)
    say(f"feature maps of {1 + schedule.variants} variants of each training face")
    features = variants(model, train, schedule)
    run = run or out.with_name(f"{out.name}.run")
    progress = fit_flow(model, features, cache(model, select), schedule, run, lambda now: say(_line(now)))
    del features, train
    say("calibrating")
    calibration = calibrate_alone(model, select, crops.load(data, chosen[CALIBRATE]))
    passport = _passport(chosen, settings, schedule, progress, starter)
    passport = replace(passport, metrics={"select_nll": held_out(model, cache(model, select))})
    return weights.save(out, Ensemble(model), calibration, passport)


def _model(train: Pixels, settings: Settings, plan: Schedule) -> MuFlow:
    backbone = Backbone.imagenet()
    blanks = MuFlow.blank(settings, ranks=[1] * 3).stages()
    empty = MuFlow(backbone, [layer.gaussian for layer in blanks], settings)
    drawn = averages.averages(train, plan.seed, plan.of, plan.averages)
    return MuFlow(backbone, fit_gaussians(empty.features, drawn, settings.pooling), settings)


def _line(now: Progress) -> str:
    last = now.history[-1]
    return (
        f"epoch {now.epoch}: train {last['train']:.4f}, select {last['select']:.4f} "
        f"(best {now.best:.4f} at {now.best_epoch}), lr {last['lr']:.1e}, {last['seconds']:.0f} s"
    )


def _passport(
    chosen: dict[str, list[crops.Crop]], settings: Settings, schedule: Schedule, progress: Progress, starter: bool
) -> Manifest:
    sets = [
        GenuineSet(name, ROLES[split], n, terms) for split in ROLES for name, n, terms in crops.terms(chosen[split])
    ]
    training: dict[str, Any] = {
        "schedule": {key: value for key, value in asdict(schedule).items() if value != float("inf")},
        "epochs": progress.epoch,
        "best_epoch": progress.best_epoch,
    }
    return Manifest(
        detector_id="", calibration_id="", created=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", code_version=__version__,
        backbone="", input_px=settings.input_px, stages=(), shapes=(), steps=settings.steps, seed=settings.seed,
        pooling=settings.pooling, objective=settings.objective, dtype="", files={}, sets=tuple(sets),
        training=training, starter=starter,
        finder_corrections={finder: asdict(found) for finder, found in faces.CORRECTIONS.items()},
        notes="Starter weights: fit your own on your platform's genuine faces." if starter else "",
    )  # fmt: skip
