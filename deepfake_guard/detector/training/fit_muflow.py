"""µFlow from genuine crops: averages, their Gaussians, flows, and the pictures that show what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..features import Backbone
from ..gaussian import Gaussian
from ..signals.muflow import MuFlow, Settings
from . import averages, curves, plots
from .crops import Pixels
from .fit_flow import Progress, Schedule, cache, fit_flow, variants
from .fit_gaussian import fit_gaussians, pooled_stages
from .plots import Points

SHOWN = 400  # single faces and averages in the picture of both: t-SNE of more takes minutes

Say = Callable[[str], None]


def fit_muflow(
    train: Pixels, select: Pixels, settings: Settings, schedule: Schedule, run: Path, device: torch.device, say: Say
) -> tuple[MuFlow, dict[str, Any]]:
    """Crops uint8 [n, s, s, 3] that train and [m, s, s, 3] that stop -> the model, and what the manifest says of its
    training. `run` keeps the state after every epoch, and the pictures.

    Raises RunError for another run's folder, ValueError for an average of more faces than there are.
    """
    say(f"{len(train)} faces train, {len(select)} select; {schedule.averages} averages of {schedule.of}")
    drawn = averages.averages(train, schedule.seed, schedule.of, schedule.averages)
    backbone = Backbone.imagenet()
    blanks = MuFlow.blank(settings, ranks=[1] * 3).stages()
    empty = MuFlow(backbone, [layer.gaussian for layer in blanks], settings)
    model = MuFlow(backbone, fit_gaussians(empty.features, drawn, settings.pooling), settings).to(device)
    _draw(model, train, drawn, run, say)
    say(f"feature maps of {1 + schedule.variants} variants of each training face")
    features, chosen = variants(model, train, schedule), cache(model, select)
    progress = fit_flow(model, features, chosen, schedule, run, lambda now: say(line(now)))
    (run / "curve.png").write_bytes(curves.curve_png(progress))
    said = {
        "schedule": {key: value for key, value in asdict(schedule).items() if value != float("inf")},
        "epochs": progress.epoch,
        "best_epoch": progress.best_epoch,
        "select_nll": progress.best,
    }
    return model.eval().requires_grad_(False), said


def line(now: Progress) -> str:
    """One epoch, and how long it may still take."""
    last = now.history[-1]
    return (
        f"epoch {now.epoch}: train {last['train']:.4f}, select {last['select']:.4f} "
        f"(best {now.best:.4f} at {now.best_epoch}), lr {last['lr']:.1e}, {last['seconds']:.0f} s, "
        f"at most {now.seconds_left / 60:.0f} min left"
    )


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
    return plots.eigenvalue_spectra(
        [layer.gaussian for layer in model.stages() if isinstance(layer.gaussian, Gaussian)]
    )


def _some(model: MuFlow, crops: Pixels) -> list[Points]:
    few = crops[np.linspace(0, len(crops) - 1, min(SHOWN, len(crops))).astype(int)]
    return [stage.cpu().numpy() for stage in pooled_stages(model.features, few, "mean")]
