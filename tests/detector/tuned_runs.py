"""A small folder of crops with every kind of split, and runs of `tune` of one step on it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from deepfake_guard.detector.features.tuned import STAGES, TunedBackbone
from deepfake_guard.detector.signals import alteration
from deepfake_guard.detector.training import tune
from deepfake_guard.detector.training.lessons import lessons
from deepfake_guard.detector.training.tune_batches import Plan, Pupil

from .collections_on_disk import Made

PLAN = Plan(faces=4, batch=4, patch=48)
COLLECTIONS = (
    Made("train-real", "ffhq256__zoya2244", 12),
    Made("train-real", "fairface__thlaiquid", 6),
    Made("select-real", "ffhq256__zoya2244", 10),
    Made("calib-real", "ffhq256__cdiaconu04", 14),
    Made("head-real", "dfdc__i-shreyansh", 6, paired=True),
    Made("head-fake", "stylegan1-ffhq__zoya2244", 6, "StyleGAN (1) FFHQ", "gan", spread=120),
    Made("head-fake", "sdxl__sfhq-t2i", 6, "SDXL", "diffusion", spread=90),
    Made("head-fake", "dfdc_faceswap__i-shreyansh", 6, "DFDC face swaps (mixed methods)", "swap", paired=True),
)


def tuned(
    folder: Path, run: Path, without: str | None = None, *, pseudo_only: bool = False, only: Sequence[str] = ()
) -> Path:
    """A run of one step."""
    taught = lessons(folder, leave_out=without, pseudo_only=pseudo_only, only=only)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = TunedBackbone(taught.classes(), alteration.STAGES if pseudo_only else STAGES)
    tune.tune({Pupil(): model}, taught, PLAN, run, torch.device("cpu"), lambda _: None, loaders=0)
    return run
