"""The whole of `fit`: µFlow, further signals and a tuned head beside it, what fuses them, calibration, artefact."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from deepfake_guard import __version__

from .. import device as devices
from .. import faces, manifest, terms, weights
from ..calibration import BUCKETS, ROOT
from ..ensemble import LINEAR, Ensemble
from ..manifest import FAKES, RESEARCH, FaceSet, HeadCard, Manifest
from ..records import CROP_PX
from ..signals.muflow import MuFlow
from . import crops, tune_state
from .calibrate import Faces, calibrate, heat_scale
from .crops import Crop, Pixels
from .fit_ensemble import (
    Taught,
    fit_ensemble,
    fit_signals_of,
    head_cards,
    kept,
    left_out,
    look,
    with_alteration,
    with_shadows,
)
from .fit_fusion import STRANGE, STRANGE_BY_ALTERATION, Rule, choose
from .fit_given import Given
from .fit_muflow import fit_muflow
from .lessons import HEAD_FAKES, HEAD_GENUINE, SWAP
from .stored_scores import StoredScores
from .variant import Variant

TRAIN, SELECT, CALIBRATE = "train-real", "select-real", "calib-real"
ROLES = {TRAIN: "train", SELECT: "select", CALIBRATE: "calibrate"}
OF_OTHER_PARTS = ("fusion", "alteration", "head_of")  # what `training` says of others than µFlow

Say = Callable[[str], None]
Chosen = Mapping[str, list[Crop]]  # split -> rows


def silent(line: str) -> None:
    """Progress that nobody asked for."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What `fit` makes. variant: the µFlow that is trained. muflow: an artefact whose µFlow is taken as it is instead.

    tuned: the run of `tune` whose network becomes the head, or an artefact whose head is taken; None:
    one-class signals alone. alteration: a run of `tune --pseudo-only` that becomes one of these, or an artefact that
    has it. folds: family -> a run that never saw it; the fusion is chosen on these. only: the collections of genuine
    faces that train, select and calibrate; empty: all there are. buckets: those that are calibrated, the root always.
    shadows: names of `SHADOWS`, which are scored, calibrated and shown, and decide nothing.
    """

    variant: Variant = field(default_factory=Variant)
    muflow: Path | None = None
    tuned: Path | None = None
    alteration: Path | None = None
    folds: Mapping[str, Path] = field(default_factory=dict)
    only: tuple[str, ...] = ()
    buckets: tuple[str, ...] = BUCKETS
    starter: bool = False
    shadows: tuple[str, ...] = ()


def main_fit(
    data: Path,
    out: Path,
    recipe: Recipe | None = None,
    *,
    run: Path | None = None,
    device: str = "auto",
    say: Say = silent,
) -> Manifest:
    """Fit a detector on the genuine crops of `data` (splits train-real, select-real, calib-real; hq) into `out`.

    run: where training and raw scores are kept, so that the same command goes on after a stop (default: beside `out`).
    say: told one line of progress at a time. Raises DataError (also for a fold whose head knows its family, or what the
    tuned head does not know), RunError, ArtefactError, DeviceError by name.
    """
    recipe, run = recipe or Recipe(), run or out.with_name(f"{out.name}.run")
    chosen = {split: _only(crops.index(data, split), recipe.only) for split in ROLES}
    target = devices.choose(device)
    train, select, genuine = (crops.load(data, chosen[split]) for split in ROLES)
    crop_px = _side(train, select, genuine)
    given = Given.read(recipe.tuned, recipe.folds, recipe.alteration, target)
    muflow, said = _muflow(train, select, recipe, run, target, say)
    heat = heat_scale(muflow, select)
    say("fitting signals and heads")
    ensemble, rule, cards = _whole(muflow, data, chosen, recipe, given, said, say)
    say(f"calibrating; what decides: {rule}")
    calibration = calibrate(
        lambda pixels: ensemble.score(pixels).scores,
        Faces(select, _native(chosen[SELECT])),
        Faces(genuine, _native(chosen[CALIBRATE])),
        heat,
        heads=[name for name in ensemble.heads if name not in rule.folded],
        fusion=rule.fusion,
        strange_fusion=_strange(recipe).fusion,
        buckets=tuple(dict.fromkeys((ROOT, *recipe.buckets))),
        seed=recipe.variant.schedule.seed,
        stored=StoredScores(run / "scores", _digest(ensemble)),
        say=say,
    )
    passport = _passport({**chosen, **_of_heads(data, cards)}, recipe, said, cards)
    name = "guard" if cards else "muflow"
    made = weights.save(out, ensemble, calibration, replace(passport, crop_px=crop_px), name)
    weights.copy_licences(_sources(recipe), out)
    return made


def _side(*splits: Pixels) -> int:
    """Of the crops, which live faces will have, too: never less than THE recipe's."""
    sides = {int(part.shape[1]) for part in splits}
    if len(sides) > 1 or max(sides) > weights.LARGEST_CROP:
        found = ", ".join(map(str, sorted(sides)))
        raise crops.DataError(f"crops have one side of at most {weights.LARGEST_CROP} px in all splits, not {found}")
    return max(CROP_PX, *sides)


def _whole(
    muflow: MuFlow, data: Path, chosen: Chosen, recipe: Recipe, given: Given, said: dict[str, Any], say: Say
) -> tuple[Ensemble, Rule, dict[str, HeadCard]]:
    """All that scores, the formula that decides, and what the manifest says of the heads."""
    head = given.head
    if given.alteration is not None:
        said["alteration"] = given.taught
    if head is None:
        train = look(muflow, chosen[TRAIN], crops.load(data, chosen[TRAIN]))
        signals = with_alteration(fit_signals_of(muflow, train), given.alteration)
        return with_shadows(signals, train, recipe.shadows), _strange(recipe), {}
    taught = Taught.read(muflow, data, chosen[TRAIN], chosen[SELECT])
    folds = []
    for family, other in given.folds.items():
        say(f"scoring {family} by a head that never saw it")
        folds.append(left_out(muflow, other, taught, family, given.alteration))
    ensemble = fit_ensemble(muflow, head.net, taught, given.alteration)
    rule, areas = choose(folds, kept(ensemble, taught))
    said["fusion"] = {"rule": str(rule), "left_out_auc": areas}
    if head.source is not None:
        said["head_of"] = head.source.detector_id
        before = head.source.training.get("fusion")
        if not folds and isinstance(before, dict) and before.get("rule") == str(rule):
            said["fusion"] = {"of": head.source.detector_id, **before}
    cards = head_cards(head.net, taught, head.training)
    return with_shadows(ensemble, taught.train, recipe.shadows), rule, cards


def _strange(recipe: Recipe) -> Rule:
    return STRANGE if recipe.alteration is None else STRANGE_BY_ALTERATION


def _of_heads(data: Path, cards: Mapping[str, HeadCard]) -> dict[str, list[Crop]]:
    """What heads alone learnt from: fakes, and the originals of swaps."""
    known = {name for card in cards.values() for name in card.generators}
    taught = {HEAD_FAKES: [row for row in crops.index(data, HEAD_FAKES) if row.generator in known]} if known else {}
    if any(SWAP in card.families for card in cards.values()):
        taught[HEAD_GENUINE] = crops.index(data, HEAD_GENUINE)
    return taught


def _only(rows: list[Crop], collections: tuple[str, ...]) -> list[Crop]:
    kept = [row for row in rows if not collections or row.collection in collections]
    if not kept:
        raise crops.DataError(f"no face of {', '.join(collections)} among {len(rows)} of the split {rows[0].split}")
    return kept


def _muflow(
    train: Pixels, select: Pixels, recipe: Recipe, run: Path, device: torch.device, say: Say
) -> tuple[MuFlow, dict[str, Any]]:
    if recipe.muflow is None:
        return fit_muflow(train, select, recipe.variant, run, device, say)
    taken = weights.load(recipe.muflow, str(device))
    its_own = {key: said for key, said in taken.manifest.training.items() if key not in OF_OTHER_PARTS}
    return taken.model, {**its_own, "muflow_of": taken.manifest.detector_id}


def _sources(recipe: Recipe) -> list[Path]:
    """The artefacts that parts are taken from."""
    given = [path for path in (recipe.muflow, recipe.tuned, recipe.alteration) if path is not None]
    return list(dict.fromkeys(path for path in given if (path / manifest.FILE_NAME).is_file()))


def _marked(recipe: Recipe) -> Manifest | None:
    """Of the artefacts that parts are taken from, the first with terms of its own; if none has, the first."""
    given = [manifest.read(source) for source in _sources(recipe)]
    return next((each for each in given if each.terms), next(iter(given), None))


def _taken(recipe: Recipe) -> list[FaceSet]:
    """What taught the parts that are taken: those of artefacts, and those that runs of `tune` have learnt."""
    parts = (
        (recipe.muflow, ("train", "select")),
        (recipe.alteration, ("train",)),
        (recipe.tuned, ("train", "head", FAKES)),
    )
    of_artefacts = [
        each
        for path, roles in parts
        if path in _sources(recipe)
        for each in manifest.read(path).sets
        if each.role in roles
    ]
    runs = [path for path in (recipe.tuned, recipe.alteration) if path is not None and path not in _sources(recipe)]
    return of_artefacts + [each for run in runs for each in tune_state.learnt(run)]


def _joined(sets: Sequence[FaceSet]) -> list[FaceSet]:
    """One entry for a collection in a role, with the licences that any of them states and the count of the last."""
    found: dict[tuple[str, str], FaceSet] = {}
    for each in sets:
        before = found.get((each.name, each.role), each)
        said = dict.fromkeys(terms.licences(before) + terms.licences(each))
        found[each.name, each.role] = replace(each, licence="; ".join(said))
    return list(found.values())


def _native(rows: list[Crop]) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.asarray([row.native_px for row in rows], dtype=np.int64)


def _digest(ensemble: Ensemble) -> str:
    """Names all weights and what they are computed in, so that raw scores of others are never taken for theirs."""
    digest = hashlib.sha256(str(ensemble.muflow.precision).encode())
    parts: list[Mapping[str, torch.Tensor]] = [ensemble.muflow.state_dict()]
    parts += [ensemble.head.state_dict()] if ensemble.head is not None else []
    for tensor in (value for part in parts for value in part.values()):
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    arrays = {signal.name: signal.tensors() for signal in ensemble.signals}
    arrays |= {LINEAR: ensemble.linear.tensors()} if ensemble.linear is not None else {}
    for signal, tensors in arrays.items():
        for name, array in tensors.items():
            digest.update(f"{signal}/{name}".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _passport(chosen: Chosen, recipe: Recipe, training: dict[str, Any], heads: dict[str, HeadCard]) -> Manifest:
    roles = {**ROLES, HEAD_GENUINE: "head", HEAD_FAKES: FAKES}
    own = [
        FaceSet(name, roles[split], n, said) for split, rows in chosen.items() for name, n, said in crops.terms(rows)
    ]
    sets = _joined([*_taken(recipe), *own])
    marked = _marked(recipe)
    settings = recipe.variant.settings
    return Manifest(
        detector_id="", calibration_id="", created=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", code_version=__version__,
        backbone="", input_px=settings.input_px, stages=(), shapes=(), steps=settings.steps, seed=settings.seed,
        pooling=settings.pooling, objective=settings.objective, dtype="", files={}, sets=tuple(sets),
        heads=heads, training=training,
        metrics={"select_nll": training["select_nll"]} if "select_nll" in training else {}, starter=recipe.starter,
        terms=RESEARCH if recipe.starter and not terms.free(sets) else marked.terms if marked else "",
        derived_from=marked.detector_id if marked else "",
        alignment=manifest.read(recipe.muflow).alignment if recipe.muflow else recipe.variant.alignment,
        finder_corrections={finder: asdict(found) for finder, found in faces.CORRECTIONS.items()},
        notes="Starter weights: calibrate on your platform's genuine faces." if recipe.starter else "",
    )  # fmt: skip
