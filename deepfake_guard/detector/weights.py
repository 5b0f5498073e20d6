"""Artefacts on disk: `model.safetensors`, `calibration.json` and the manifest that vouches for both."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from . import device as devices
from . import features, manifest
from .calibration import Calibration
from .manifest import ArtefactError, Manifest
from .signals.muflow import MuFlow, Settings

MODEL, CALIBRATION = "model.safetensors", "calibration.json"
STARTER = Path(__file__).parent / "starter"


@dataclass(frozen=True, slots=True)
class Artefact:
    """A loaded detector: its passport, its model in inference mode on `device`, its calibration."""

    manifest: Manifest
    model: MuFlow
    calibration: Calibration
    device: torch.device


def save(folder: Path, model: MuFlow, calibration: Calibration, passport: Manifest, name: str = "muflow") -> Manifest:
    """Write an artefact; the passport's ids, files, shapes and settings are filled in from what is saved."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}
    save_file(tensors, folder / MODEL)
    (folder / MODEL).chmod(0o644)  # safetensors writes it for its owner alone; a package is read by others
    calibration.write(folder / CALIBRATION)
    files = {file: manifest.sha256(folder / file) for file in (MODEL, CALIBRATION)}
    settings = model.settings
    complete = replace(
        passport,
        detector_id=f"{name}-{files[MODEL][:12]}",
        calibration_id=f"genuine-{files[CALIBRATION][:12]}",
        backbone=features.NAME,
        input_px=settings.input_px,
        stages=features.STAGES,
        shapes=model.shapes,
        steps=settings.steps,
        seed=settings.seed,
        pooling=settings.pooling,
        objective=settings.objective,
        dtype="float32",
        files=files,
    )
    manifest.write(folder, complete)
    return complete


def load(folder: Path | None = None, device: str = "auto") -> Artefact:
    """Load an artefact; None is the starter artefact shipped with the package.

    Raises ArtefactError for a missing or altered file, a wrong shape or another version, DeviceError for the device.
    """
    folder = STARTER if folder is None else folder
    target = devices.choose(device)
    passport = manifest.read(folder)
    manifest.verify(folder, passport)
    if missing := {MODEL, CALIBRATION} - set(passport.files):
        raise ArtefactError(f"{folder}: the manifest does not vouch for {', '.join(sorted(missing))}")
    if passport.backbone != features.NAME or passport.stages != features.STAGES:
        raise ArtefactError(f"{folder}: this version knows the backbone {features.NAME}, stages {features.STAGES}")
    model = _model(folder / MODEL, passport)
    return Artefact(passport, model.to(target), Calibration.read(folder / CALIBRATION), target)


def _model(path: Path, passport: Manifest) -> MuFlow:
    try:
        tensors = load_file(path)
        ranks = [int(tensors[f"layers.{at}.gaussian.variance"].shape[0]) for at in range(len(passport.stages))]
        settings = Settings(
            passport.input_px, passport.steps, passport.seed, pooling=passport.pooling, objective=passport.objective
        )
        model = MuFlow.blank(settings, ranks)
        if model.shapes != passport.shapes:
            raise ArtefactError(f"{path}: the manifest's shapes {passport.shapes} do not fit {model.shapes}")
        model.load_state_dict(tensors, strict=True)
    except (SafetensorError, KeyError, IndexError, RuntimeError, ValueError) as error:
        raise ArtefactError(f"{path} does not fit its manifest: {error}") from error
    if any(not torch.isfinite(tensor).all() for tensor in tensors.values() if tensor.is_floating_point()):
        raise ArtefactError(f"{path} holds values that are not finite")
    return model.eval().requires_grad_(False)
