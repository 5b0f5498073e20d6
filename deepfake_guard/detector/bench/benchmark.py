"""The whole benchmark, and the five ratios that the project's goals are stated in."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .. import faces, weights
from ..pipeline import Detector
from . import photographs
from .machine import machine, starts
from .subjects import Scale, published_setting, shares
from .timing import compare

GOALS = {
    "published_fp32": 20.0,
    "backbone_resnet18_published": 0.33,
    "backbone_resnet18_k31": 0.45,
    "backbone_lite0_k31": 0.55,
}
RATIO_BATCH = 8


def _silent(line: str) -> None:
    """Progress that nobody asked for."""


def run(
    *,
    rounds: int = 5,
    batches: Sequence[int] = (1, 8, 32),
    photos: int = 24,
    artefact: Path | None = None,
    face_finder: Path | None = None,
    scale: Scale | None = None,
    say: Callable[[str], None] = _silent,
) -> dict[str, Any]:
    """Minutes on the CPU; the machine should have nothing else to do. rounds >= 1; batch 8, which the ratios are stated
    for, is always timed.

    -> "machine", "arithmetic" {batch: {subject: median_ms, least_ms, most_ms, faces_per_s}}, "shares" (the same at
    batch 8), "ratios", "goals", "start", "photographs". Raises ArtefactError for the artefact.
    """
    scale = scale or Scale()
    document: dict[str, Any] = {"machine": machine(), "setting": setting(scale, rounds)}
    subjects, arithmetic = published_setting(scale), {}
    for batch in sorted({*batches, RATIO_BATCH}):
        say(f"batch {batch}: {', '.join(subjects)}")
        arithmetic[str(batch)] = compare(subjects, batch, scale.input_px, rounds)
    say("kernel 3|1 beside the bare backbones")
    beside = compare(shares(scale), RATIO_BATCH, scale.input_px, rounds)
    document |= {"arithmetic": arithmetic, "shares": beside}
    document |= {"ratios": ratios(arithmetic[str(RATIO_BATCH)], beside), "goals": GOALS}
    say("fresh processes")
    document["start"] = starts(artefact, min(rounds, 3))
    say(f"{photos} photographs of one megapixel beside their crops")
    detector = Detector(weights.load(artefact, "cpu"), faces.choose(face_finder))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        made = photographs.pictures(folder, photos)
        document["photographs"] = photographs.measure(detector, made, folder, rounds, RATIO_BATCH)
    return document


def ratios(arithmetic: dict[str, Any], beside: dict[str, Any]) -> dict[str, float]:
    """published_*: how many times faster ours is than the published arithmetic; backbone_*: µFlow's speed as a share of
    its bare backbone's, both in single precision. All by medians at batch 8."""
    took = {name: row["median_ms"] for name, row in {**arithmetic, **beside}.items()}
    return {
        "published_fp32": took["published"] / took["ours_fp32"],
        "published_bf16": took["published"] / took["ours_bf16"],
        "backbone_resnet18_published": took["backbone"] / took["ours_fp32"],
        "backbone_resnet18_k31": took["resnet18_backbone"] / took["resnet18_k31"],
        "backbone_lite0_k31": took["lite0_backbone"] / took["lite0_k31"],
    }


def setting(scale: Scale, rounds: int) -> dict[str, Any]:
    """What the arithmetic was timed on."""
    return {
        "backbone": "resnet18 with random weights",
        "pooling": "flatten",
        "input_px": scale.input_px,
        "steps": scale.steps,
        "averages": scale.averages,
        "rounds": rounds,
    }
