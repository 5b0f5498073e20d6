"""All ablations and the contamination test of an artefact, part by part, within a time: development splits alone.

Every part takes minutes: features are made once, flows are short (the learning curve of µFlow takes several).
What the time does not reach is named as skipped, and the same command on the same file goes on with it.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np

from ..calibration import STRANGE
from ..calibration.bucket import FUSED
from ..signals.alteration import Alteration
from ..signals.base import Features, Seen
from ..signals.muflow import MuFlow
from ..weights import Artefact
from . import contamination
from . import crops as listing
from .ablations import (
    OBJECTIVES,
    POOLINGS,
    WIDEST,
    Embed,
    Fits,
    Pool,
    as_scored,
    centre,
    fitted_flow,
    flow_curve,
    kept,
    learning_curve,
    on_tuned_features,
    one_class,
    remembered,
    short_flow,
)
from .contamination import Scorer, TooFewFakes
from .crops import Pixels
from .evaluation_table import Say, silent
from .fit_flow import Schedule
from .fit_signals import shipped
from .statistics import Floats

SKIPPED, IMPOSSIBLE, ABOUT = "skipped", "impossible", "about"
SIGNALS, KEPT = "one-class signals", "signals kept by pseudo-fakes"
CURVE, IN_CALIBRATION, IN_TRAINING = "learning curve", "contamination, calibration", "contamination, training"
ON_TUNED = "one-class signals, tuned features"
FLOW_CURVE = f"{CURVE}, µFlow"
SHORT = Schedule(lr=3e-3, epochs=6, plateau=1, patience=6)

Part = Callable[[], dict[str, Any]]


def run(
    data: Path,
    out: Path,
    *,
    artefact: Artefact,
    minutes: float = 60,
    plan: Schedule = SHORT,
    faces: int = 640,
    track: str = "hq",
    say: Say = silent,
) -> dict[str, Any]:
    """Every part of an artefact on a folder of crops, written to `out` as JSON after each.

    faces: how many training faces a short flow sees. minutes: no part is begun after them, and a flow gets a tenth of
    them. Parts that `out` already has of the same artefact, crops, sizes and seed are not made again. Raises DataError.
    """
    about = {
        "artefact": artefact.manifest.detector_id, "calibration": artefact.manifest.calibration_id, "track": track,
        "faces of a short flow": faces, "epochs of a short flow": plan.epochs, "seed": plan.seed,
    }  # fmt: skip
    say("reading train-real, select-real, calib-real and head-fake")
    pool = Pool.read(data, track, seed=plan.seed)
    calibrating = as_scored(data, listing.index(data, "calib-real", track))
    about |= {"train": len(pool.train), "select": len(pool.select), "calibrate": len(calibrating)}
    about["crops"] = _digest(pool.train, pool.select, calibrating, *pool.fakes.values())
    brief = replace(plan, minutes=minutes / 10)
    made = parts(artefact, pool, calibrating, brief, faces, out.with_name(f"{out.stem}.run") / course(about))
    return in_time(made, out, about, minutes, say)


def course(about: Mapping[str, Any]) -> str:
    """The folder of these flows' states. A flow's own plan knows its settings and the number of its faces, so one that
    has learned from other faces would be taken for finished here."""
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:12]


def _digest(*groups: Pixels) -> str:
    digest = hashlib.sha256()
    for crops in groups:
        digest.update(f"{crops.shape}".encode())
        digest.update(np.ascontiguousarray(crops).data)
    return digest.hexdigest()[:16]


def parts(
    artefact: Artefact, pool: Pool, calibrating: Pixels, plan: Schedule, faces: int, home: Path
) -> dict[str, Part]:
    """Name -> what makes it; the cheap ones first."""
    model, embed = artefact.model, remembered(artefact.model.pooled)
    signals = shipped([shape[0] for shape in model.shapes])
    few = replace(pool, train=pool.train[np.random.default_rng(plan.seed).permutation(len(pool.train))[:faces]])
    made: dict[str, Part] = {
        CURVE: partial(learning_curve, signals, embed, pool, seed=plan.seed),
        IN_TRAINING: partial(_in_training, signals, embed, pool, calibrating, plan.seed),
        IN_CALIBRATION: partial(_in_calibration, artefact, pool, calibrating, plan.seed),
    }
    flow = remembered(lambda crops: model.score(crops).total)
    own = [signal for signal in artefact.ensemble.signals if isinstance(signal, Alteration)]
    made |= {
        SIGNALS: partial(one_class, model, flow, embed, pool, own),
        KEPT: partial(kept, model, embed, pool, own, plan.seed),
    }
    if (head := artefact.ensemble.head) is not None:
        tuned = remembered(lambda crops: cast(Features, artefact.ensemble.tuned(crops)[0]))
        made[ON_TUNED] = partial(on_tuned_features, flow, head, tuned, pool)
    for pooling in POOLINGS:
        made[f"averages or singles, {pooling}"] = partial(centre, model, pool, pooling, plan)
    for objective, pooling in OBJECTIVES:
        settings = replace(model.settings, objective=objective, pooling=pooling)
        folder = home / f"{objective}-{pooling}"
        made[f"flow, {objective}, {pooling}"] = partial(short_flow, model, few, settings, plan, folder)
    made[f"{IN_TRAINING}, short flow"] = partial(_in_flow, model, few, calibrating, plan, home)
    made[FLOW_CURVE] = partial(flow_curve, model, pool, plan, home)
    made[f"averages or singles, {WIDEST}"] = partial(centre, model, pool, WIDEST, plan)
    return made


def in_time(
    made: Mapping[str, Part], out: Path, about: Mapping[str, Any], minutes: float, say: Say = silent
) -> dict[str, Any]:
    """Part after part while there is time; what was there is kept, and what these faces are too few for is named."""
    until, result = time.monotonic() + 60 * minutes, _known(out, about)
    impossible = result.pop(IMPOSSIBLE, {})

    def write() -> dict[str, Any]:
        skipped = [each for each in made if each not in result and each not in impossible]
        return _write(out, {ABOUT: dict(about), **result, IMPOSSIBLE: impossible, SKIPPED: skipped})

    for at, (name, part) in enumerate(made.items(), start=1):
        if name in result or name in impossible:
            say(f"{at} of {len(made)}: {name}: there already")
        elif time.monotonic() < until:
            say(f"{at} of {len(made)}: {name} …")
            started = time.monotonic()
            try:
                result[name] = part()
            except TooFewFakes as error:
                impossible[name] = str(error)
            say(f"{at} of {len(made)}: {name}: {impossible.get(name) or f'{time.monotonic() - started:.0f} s'}")
        write()
    return write()


def _known(out: Path, about: Mapping[str, Any]) -> dict[str, Any]:
    """What a run about the same things has found."""
    try:
        found = json.loads(out.read_text(encoding="utf-8")) if out.is_file() else {}
    except ValueError:
        return {}  # cut off by a full disk
    if not isinstance(found, dict) or found.get(ABOUT) != about:
        return {}
    return {name: part for name, part in found.items() if name not in (ABOUT, SKIPPED)}


def _write(out: Path, whole: dict[str, Any]) -> dict[str, Any]:
    """Written beside and moved, so that a killed run leaves no half file."""
    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = out.with_name(f"{out.name}.part")
    unfinished.write_text(json.dumps(whole, indent=1), encoding="utf-8")
    unfinished.replace(out)
    return whole


def _in_calibration(artefact: Artefact, pool: Pool, calibrating: Pixels, seed: int) -> dict[str, Any]:
    """By the fused scalar, and by the one-class part of it alone: heads have learned from head-fake, so the first
    flatters. Root bucket, crops as they are."""

    def scaled(crops: Pixels) -> Mapping[str, Floats]:
        return artefact.calibration.scaled(artefact.ensemble.score(crops).scores)

    genuine, fakes = scaled(calibrating), scaled(np.concatenate(list(pool.fakes.values())))
    return {name: contamination.in_calibration(genuine[name], fakes[name], seed) for name in (FUSED, STRANGE)}


def _in_training(signals: Fits, embed: Embed, pool: Pool, calibrating: Pixels, seed: int) -> dict[str, Any]:
    train, calibrate, select = (Seen(crops, embed(crops)) for crops in (pool.train, calibrating, pool.select))
    groups = list(pool.fakes.values())
    fakes = Seen(np.concatenate(groups), np.concatenate([embed(crops) for crops in groups]))
    return {
        name: contamination.in_training(fit, train, calibrate, select, fakes, seed=seed)
        for name, fit in signals.items()
    }


@dataclass(frozen=True, eq=False, slots=True)
class _Flow:
    """µFlow as the contamination test asks a signal: it reads the pixels."""

    model: MuFlow

    def score(self, faces: Seen) -> Floats:
        return self.model.score(faces.crops).total


def _in_flow(model: MuFlow, few: Pool, calibrating: Pixels, plan: Schedule, home: Path) -> dict[str, Any]:
    """Gaussians and flows fitted twice on few faces, the second time with 5 % of them fakes."""
    fits = iter(("clean", "planted"))

    def fit(faces: Seen) -> Scorer:
        folder = home / f"contamination-{next(fits)}"
        return _Flow(fitted_flow(model, replace(few, train=faces.crops), model.settings, plan, folder)[0])

    crops = (few.train, calibrating, few.select, np.concatenate(list(few.fakes.values())))
    train, calibrate, select, fakes = map(_seen, crops)
    return {"muflow": contamination.in_training(fit, train, calibrate, select, fakes, seed=plan.seed)}


def _seen(crops: Pixels) -> Seen:
    return Seen(crops, np.zeros((len(crops), 0), np.float32))
