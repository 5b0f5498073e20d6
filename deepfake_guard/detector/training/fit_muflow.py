"""µFlow from genuine crops: averages, their Gaussians, flows, and the pictures that show what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..gaussian import Gaussian, Mixture
from ..signals.muflow import MuFlow
from . import averages, curves, plots
from .crops import Pixels
from .fit_flow import cache, fit_flow, line, variants
from .fit_gaussian import fit_gaussians, fit_mixtures, pooled_stages
from .plots import Points
from .variant import Variant

SHOWN = 400  # single faces and averages in the picture of both: t-SNE of more takes minutes

Say = Callable[[str], None]


def fit_muflow(
    train: Pixels, select: Pixels, variant: Variant, run: Path, device: torch.device, say: Say
) -> tuple[MuFlow, dict[str, Any]]:
    """Crops uint8 [n, s, s, 3] that train and [m, s, s, 3] that stop -> the model, and what the manifest says of its
    training. `run` keeps the state after every epoch, and the pictures.

    Raises RunError for another run's folder, ArtefactError for the backbone, DeviceError for the precision, ValueError
    for an average of more faces than there are.
    """
    settings, schedule, components = variant.settings, variant.schedule, variant.components
    empty = variant.empty(device)
    say(f"{len(train)} faces train, {len(select)} select; {schedule.averages} averages of {schedule.of}")
    shown: list[Pixels] = []
    drawn = _shown(averages.streamed(train, schedule.seed, schedule.of, schedule.averages), shown)
    gaussians: Sequence[Gaussian | Mixture]
    if components == 1:
        gaussians = fit_gaussians(empty.features, drawn, settings.pooling)
    else:
        gaussians = fit_mixtures(empty.features, drawn, settings.pooling, components, schedule.seed)
    model = MuFlow(empty.backbone, gaussians, settings).to(device)
    model.precision = empty.precision
    _draw(model, train, np.concatenate(shown), run, say)
    say(f"feature maps of {1 + schedule.variants} variants of each training face")
    features, chosen = variants(model, train, schedule), cache(model, select)
    progress = fit_flow(model, features, chosen, schedule, run, lambda now: say(line(now)))
    (run / "curve.png").write_bytes(curves.curve_png(progress))
    said = {
        "components": components,
        "schedule": {key: value for key, value in asdict(schedule).items() if value != float("inf")},
        "epochs": progress.epoch,
        "best_epoch": progress.best_epoch,
        "select_nll": progress.best,
    }
    return model.eval().requires_grad_(False), said


def _shown(blocks: Iterable[Pixels], kept: list[Pixels]) -> Iterator[Pixels]:
    """The blocks, of which `kept` gets the first averages, for the pictures."""
    for block in blocks:
        kept.append(block[: max(0, SHOWN - sum(map(len, kept)))])
        yield block


def _draw(model: MuFlow, train: Pixels, drawn: Pixels, run: Path, say: Say) -> None:
    """The averages, their spectra, and where they lie beside single faces; once a run."""
    pictures: dict[str, Callable[[], bytes]] = {
        "averages.png": lambda: plots.average_sheet(drawn),
        "spectra.png": lambda: _spectra(model),
        "singles-and-averages.png": lambda: plots.singles_beside_averages(_some(model, train), _some(model, drawn)),
    }
    run.mkdir(parents=True, exist_ok=True)
    for name, picture in pictures.items():
        if not (run / name).is_file():
            (run / name).write_bytes(picture())
    say(f"pictures: {', '.join(pictures)} in {run}")


def _spectra(model: MuFlow) -> bytes:
    return plots.eigenvalue_spectra([_heaviest(layer.gaussian) for layer in model.stages()])


def _heaviest(gaussian: Gaussian | Mixture) -> Gaussian:
    """Itself, or a mixture's component with the largest share."""
    return gaussian if isinstance(gaussian, Gaussian) else gaussian.parts()[int(gaussian.weights.argmax())]


def _some(model: MuFlow, crops: Pixels) -> list[Points]:
    patches = model.settings.patches
    wanted = max(1, SHOWN // (1 if patches is None else patches.count))
    few = crops[np.linspace(0, len(crops) - 1, min(wanted, len(crops))).astype(int)]
    return [stage.numpy() for stage in pooled_stages(model.features, few, "mean")]
