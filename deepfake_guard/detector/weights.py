"""Artefacts on disk: `model.safetensors` and, where there are more than µFlow, `signals.safetensors`,
`linear.safetensors` and `head.safetensors`; the calibration; and the manifest that vouches for all of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from . import device as devices
from . import manifest
from .alignment import ALIGNMENTS
from .calibration import Calibration
from .ensemble import KINDS, MUFLOW, Ensemble
from .features import Backbone
from .features.tuned import TunedBackbone
from .heads.linear import LinearHead
from .manifest import ArtefactError, Manifest
from .signals.base import Signal
from .signals.muflow import MuFlow, Settings
from .signals.patches import Patches

MODEL, SIGNALS, LINEAR, HEAD, CALIBRATION = (
    "model.safetensors",
    "signals.safetensors",
    "linear.safetensors",
    "head.safetensors",
    "calibration.safetensors",
)
LARGEST_CROP = 1024  # a manifest must not be able to ask for any amount of memory
BETWEEN_LICENCES = b"\nParts of this folder come from another artefact, under these terms:\n\n"
CLASSES = "classes"  # the key of a head's file that names what it tells apart


@dataclass(frozen=True, slots=True)
class Artefact:
    """A loaded detector: its passport, what it scores with in inference mode on `device`, its calibration."""

    manifest: Manifest
    ensemble: Ensemble
    calibration: Calibration
    device: torch.device

    @property
    def model(self) -> MuFlow:
        """µFlow, which every artefact has."""
        return self.ensemble.muflow


def save(
    folder: Path, ensemble: Ensemble, calibration: Calibration, passport: Manifest, name: str = "muflow"
) -> Manifest:
    """Write an artefact; the passport's ids, files, shapes and settings are filled in from what is saved."""
    folder.mkdir(parents=True, exist_ok=True)
    names = _write_models(folder, ensemble)
    calibration.write(folder / CALIBRATION)
    files = {file: manifest.sha256(folder / file) for file in (*names, CALIBRATION)}
    model, settings = ensemble.muflow, ensemble.muflow.settings
    backbone = model.backbone
    complete = replace(
        passport,
        detector_id=f"{name}-{_joined(files[file] for file in names)[:12]}",
        calibration_id=f"genuine-{files[CALIBRATION][:12]}",
        backbone=backbone.name,
        backbone_options=backbone.options,
        backbone_weights=backbone.origin,
        input_px=settings.input_px,
        stages=backbone.stages,
        shapes=model.shapes,
        steps=settings.steps,
        seed=settings.seed,
        pooling=settings.pooling,
        objective=settings.objective,
        switches={key: value for key, value in asdict(settings).items() if not hasattr(passport, key)},
        dtype=str(model.precision).removeprefix("torch."),
        files=files,
        decides=tuple(calibration.fusion.weights),
        signals={signal.name: _card(signal, calibration) for signal in ensemble.signals},
    )
    manifest.write(folder, complete)
    return complete


def copy_licences(sources: Sequence[Path], out: Path) -> None:
    """The terms of the artefacts that parts are taken from, each text once, where they have a file of them."""
    files = [source / manifest.LICENCE for source in sources]
    whole = [file.read_bytes() for file in files if file.is_file()]
    texts = dict.fromkeys(text for each in whole for text in each.split(BETWEEN_LICENCES))
    if texts:
        (out / manifest.LICENCE).write_bytes(BETWEEN_LICENCES.join(texts))


def _write_models(folder: Path, ensemble: Ensemble) -> list[str]:
    """Write the files that score, and name them."""
    written = [MODEL]
    _write(folder / MODEL, ensemble.muflow.state_dict())
    if ensemble.signals:
        parts = {
            f"{signal.name}/{key}": torch.from_numpy(value)
            for signal in ensemble.signals
            for key, value in signal.tensors().items()
        }
        _write(folder / SIGNALS, parts)
        written.append(SIGNALS)
    if ensemble.linear is not None:
        arrays = {key: torch.from_numpy(value) for key, value in ensemble.linear.tensors().items()}
        _write(folder / LINEAR, arrays, {CLASSES: json.dumps(ensemble.linear.generators)})
        written.append(LINEAR)
    if ensemble.head is not None:
        _write(folder / HEAD, ensemble.head.compact(), {CLASSES: json.dumps(ensemble.head.classes)})
        written.append(HEAD)
    return written


def load(artefact: Path | str | None = None, device: str = "auto") -> Artefact:
    """Load an artefact: a folder, or a name of `manifest.SHIPPED`; None is the starter.

    Raises ArtefactError for a missing or altered file, a wrong shape or another version, DeviceError for the device.
    """
    folder = manifest.located(artefact)
    target = devices.choose(device)
    passport = manifest.read(folder)
    manifest.verify(folder, passport)
    if missing := {MODEL, CALIBRATION, *([SIGNALS] if passport.signals else [])} - set(passport.files):
        raise ArtefactError(f"{folder}: the manifest does not vouch for {', '.join(sorted(missing))}")
    if passport.alignment not in ALIGNMENTS:
        raise ArtefactError(f"{folder}: unknown alignment {passport.alignment!r}: use one of {', '.join(ALIGNMENTS)}")
    if not 224 <= passport.crop_px <= LARGEST_CROP:
        raise ArtefactError(f"{folder}: face crops of {passport.crop_px} px; they are 224 to {LARGEST_CROP} px wide")
    head = _head(folder / HEAD) if HEAD in passport.files else None
    linear = _linear(folder / LINEAR) if LINEAR in passport.files else None
    ensemble = Ensemble(_model(folder / MODEL, passport), _signals(folder / SIGNALS, passport), head, linear)
    ensemble.muflow.precision = devices.precision(passport.dtype, target)
    calibration = Calibration.read(folder / CALIBRATION)
    if unknown := sorted(set(calibration.signals) - {MUFLOW, *ensemble.others}):
        raise ArtefactError(f"{folder}: the calibration counts {', '.join(unknown)}, which nothing here scores")
    return Artefact(passport, ensemble.to(target).bound(), calibration, target)


def _model(path: Path, passport: Manifest) -> MuFlow:
    try:
        tensors = load_file(path)
        settings = _settings(passport)  # before anything is built: it bounds what may be
        backbone = _unfilled(passport)
        ranks = [_ranks(tensors, at) for at in range(len(passport.stages))]
        if (shapes := backbone.shapes(settings.input_px)) != passport.shapes:
            raise ArtefactError(f"{path}: the manifest's shapes {passport.shapes} do not fit {shapes}")
        model = MuFlow.blank(settings, ranks, backbone)
        model.load_state_dict(tensors, strict=True)
    except (SafetensorError, KeyError, IndexError, RuntimeError, TypeError, ValueError) as error:
        raise ArtefactError(f"{path} does not fit its manifest: {error}") from error
    _check_finite(path, tensors)
    return model.eval().requires_grad_(False)


def _unfilled(passport: Manifest) -> Backbone:
    """The passport's backbone, for the artefact's own tensors to be loaded into."""
    options = passport.backbone_options
    made = Backbone(passport.backbone, passport.stages, input_px=passport.input_px, options=options)
    made.origin = passport.backbone_weights
    return made


def _settings(passport: Manifest) -> Settings:
    switches: dict[str, Any] = dict(passport.switches)
    if switches.get("patches"):
        switches["patches"] = Patches(**switches["patches"])
    return Settings(passport.input_px, passport.steps, passport.seed, passport.pooling, passport.objective, **switches)


def _ranks(tensors: Mapping[str, Tensor], at: int) -> int | list[int]:
    """The rank of a layer's Gaussian, or of each component of its mixture."""
    gaussian = f"layers.{at}.gaussian"
    if f"{gaussian}.weights" not in tensors:
        return int(tensors[f"{gaussian}.variance"].shape[0])
    components = range(int(tensors[f"{gaussian}.weights"].shape[0]))
    return [int(tensors[f"{gaussian}.components.{k}.variance"].shape[0]) for k in components]


def _signals(path: Path, passport: Manifest) -> tuple[Signal, ...]:
    if not passport.signals:
        return ()
    try:
        tensors = load_file(path)
        _check_finite(path, tensors)
        return tuple(
            KINDS[card["kind"]].from_tensors(
                {key.partition("/")[2]: value.numpy() for key, value in tensors.items() if key.startswith(f"{name}/")}
            )
            for name, card in passport.signals.items()
        )
    except (SafetensorError, IndexError, KeyError, OSError, TypeError, ValueError) as error:
        raise ArtefactError(f"{path} does not fit its manifest: {error}") from error


def _linear(path: Path) -> LinearHead:
    try:
        tensors = load_file(path)
        _check_finite(path, tensors)
        return LinearHead.from_tensors({key: value.numpy() for key, value in tensors.items()}, _classes(path))
    except (SafetensorError, IndexError, KeyError, TypeError, ValueError) as error:
        raise ArtefactError(f"{path} is no linear head: {error}") from error


def _classes(path: Path) -> Sequence[str]:
    with safe_open(path, "pt") as stream:
        named: Sequence[str] = json.loads((stream.metadata() or {})[CLASSES])
    return named


def _head(path: Path) -> TunedBackbone:
    try:
        classes = _classes(path)
        tensors = load_file(path)
        head = TunedBackbone.filled(classes, tensors)
    except (SafetensorError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise ArtefactError(f"{path} is no head: {error}") from error
    _check_finite(path, tensors)
    return head


def _check_finite(path: Path, tensors: Mapping[str, Tensor]) -> None:
    if any(not torch.isfinite(tensor).all() for tensor in tensors.values() if tensor.is_floating_point()):
        raise ArtefactError(f"{path} holds values that are not finite")


def _write(path: Path, tensors: Mapping[str, Tensor], said: dict[str, str] | None = None) -> None:
    save_file({key: value.detach().cpu().contiguous() for key, value in tensors.items()}, path, said)
    path.chmod(0o644)  # safetensors writes it for its owner alone; a package is read by others


def _card(signal: Signal, calibration: Calibration) -> dict[str, str]:
    """role: "shadow" where neither what decides nor what the one-class signals say together asks it."""
    card = {"kind": _kind(signal), "says": signal.describe()}
    asked = {*calibration.fusion.weights, *calibration.strange.weights}
    return card if signal.name in asked else {**card, "role": "shadow"}


def _kind(signal: Signal) -> str:
    return next(kind for kind, built in KINDS.items() if isinstance(signal, built))


def _joined(digests: Iterable[str]) -> str:
    """One digest of several; of one, itself."""
    listed = list(digests)
    return listed[0] if len(listed) == 1 else hashlib.sha256("".join(listed).encode()).hexdigest()
