"""The whole benchmark, and the five ratios that the project's goals are stated in."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from .. import faces, weights
from ..pipeline import Detector
from ..weights import Artefact
from . import photographs
from .machine import machine, named, starts
from .subjects import Scale, as_loaded, published_setting, shares, without_onnx
from .timing import Budget, compare, paces

GOALS = {
    "published_fp32": 20.0,
    "backbone_resnet18_published": 0.33,
    "backbone_resnet18_k31": 0.45,
    "backbone_lite0_k31": 0.55,
}
ENGINES = {"torch": "", "onnx": "_onnx"}  # how the names of their subjects end
RATIO_BATCH = 8
BATCHES = (1, 8, 32)
ACCELERATED = (8, 64, 256)  # a batch of 8 leaves most of an accelerator idle
CPU = torch.device("cpu")
BUDGET = 240.0  # seconds; building models and starting processes come on top


def _silent(line: str) -> None:
    """Progress that nobody asked for."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured. rounds >= 1; batch 8, which the ratios are stated for, is always timed. budget: seconds."""

    rounds: int = 5
    batches: Sequence[int] = BATCHES
    photos: int = 24
    budget: float = BUDGET
    scale: Scale = field(default_factory=Scale)

    def sizes(self) -> list[int]:
        """The batches, ascending."""
        return sorted({*self.batches, RATIO_BATCH})

    def parts(self) -> int:
        """How many lines `run` says."""
        return len(self.sizes()) + 4


def run(
    plan: Plan | None = None,
    *,
    artefact: Path | None = None,
    face_finder: Path | None = None,
    device: torch.device = CPU,
    say: Callable[[str], None] = _silent,
) -> dict[str, Any]:
    """Minutes; the machine should have nothing else to do. Pixels come from host memory, whatever the device.

    -> "machine", "arithmetic" {batch: {subject: median_ms, least_ms, most_ms, rounds, faces_per_s}}, "shares" and
    "default" (the same by batch), "skipped" (what has no figure, and why), "ratios", "engines", "goals", "start",
    "photographs".
    Raises ArtefactError for the artefact, DeviceError where the device has no bfloat16.
    """
    plan = plan or Plan()
    budget = Budget(plan.budget)
    document: dict[str, Any] = {
        "machine": {**machine(), "device": named(device)},
        "setting": setting(plan),
    }
    document |= _arithmetic(plan, budget, device, say)
    loaded = weights.load(artefact, str(device))
    say("the default set")
    document["default"] = _default(loaded, plan, budget)
    say("fresh processes")
    document["start"] = starts(artefact, min(plan.rounds, 3), device)
    say(f"{plan.photos} photographs of one megapixel beside their crops")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        made = photographs.pictures(folder, plan.photos)
        detector = Detector(loaded, faces.choose(face_finder))
        document["photographs"] = photographs.measure(detector, made, folder, plan.rounds, budget)
    document["setting"]["seconds"] = plan.budget - budget.left()
    return document


def _arithmetic(plan: Plan, budget: Budget, device: torch.device, say: Callable[[str], None]) -> dict[str, Any]:
    """Everything on random weights."""
    subjects, arithmetic = published_setting(plan.scale, device), {}
    expected: dict[str, float] = {}
    why_none = without_onnx() if device.type == "cpu" else ""
    skipped = {"ONNX Runtime": why_none} if why_none else {}
    sizes = plan.sizes()
    for batch in sizes:
        say(f"batch {batch}: {', '.join(subjects)}")
        seconds = budget.share(0.4 if batch <= RATIO_BATCH else 0.3)
        rows, missing = compare(subjects, batch, plan.scale.input_px, plan.rounds, seconds, expected, device)
        arithmetic[str(batch)] = rows
        skipped |= {f"{name}, batch {batch}": why for name, why in missing.items()}
        expected = expected | paces(rows, batch)
    say("kernel 3|1 beside the bare backbones")
    alone, seconds = shares(plan.scale, device), budget.share(0.4)
    beside, missing = compare(alone, RATIO_BATCH, plan.scale.input_px, plan.rounds, seconds, {}, device)
    skipped |= missing
    return {
        "arithmetic": arithmetic,
        "shares": beside,
        "skipped": skipped,
        "ratios": ratios(arithmetic[str(RATIO_BATCH)], beside),
        "engines": engines(beside),
        "goals": GOALS,
    }


def _default(loaded: Artefact, plan: Plan, budget: Budget) -> dict[str, Any]:
    """The artefact itself, all its signals and heads beside µFlow alone, on face crops."""
    subjects, rows = as_loaded(loaded.ensemble), {}
    for batch in plan.sizes():
        seconds = budget.share(0.1)
        rows[str(batch)], _ = compare(subjects, batch, loaded.manifest.crop_px, plan.rounds, seconds, {}, loaded.device)
    names = list(loaded.calibration.signals)
    return {"detector_id": loaded.manifest.detector_id, "signals": names, "rows": rows}


def ratios(arithmetic: Mapping[str, Any], beside: Mapping[str, Any]) -> dict[str, float | None]:
    """published_*: how many times faster ours is than the published arithmetic; backbone_*: µFlow's speed as a share of
    its bare backbone's, both in single precision. All by medians at batch 8; None where a part was skipped."""
    rows = {**arithmetic, **beside}
    pairs = {
        "published_fp32": ("published", "ours_fp32"),
        "published_bf16": ("published", "ours_bf16"),
        "backbone_resnet18_published": ("backbone", "ours_fp32"),
        "backbone_resnet18_k31": ("resnet18_backbone", "resnet18_k31"),
        "backbone_lite0_k31": ("lite0_backbone", "lite0_k31"),
    }
    return {name: _over(rows, slow, quick) for name, (slow, quick) in pairs.items()}


def engines(beside: Mapping[str, Any]) -> dict[str, dict[str, dict[str, float | None]]]:
    """What µFlow 3|1 keeps of its backbone's speed, by backbone and engine ("torch", "onnx"): "same" over the backbone
    alone in that engine, as ours runs it (the share that the goals are stated in, where the engine is torch), and
    "plain" over the one that timm gives, in torch. By medians at batch 8; None where a part was skipped."""
    return {
        short: {
            engine: {
                "same": _over(beside, f"{short}_backbone{end}", f"{short}_k31{end}"),
                "plain": _over(beside, f"{short}_plain", f"{short}_k31{end}"),
            }
            for engine, end in ENGINES.items()
        }
        for short in ("resnet18", "lite0")
    }


def _over(rows: Mapping[str, Any], slow: str, quick: str) -> float | None:
    """How many times as fast `quick` is; None where either was skipped."""
    if slow not in rows or quick not in rows:
        return None
    return float(rows[slow]["median_ms"] / rows[quick]["median_ms"])


def setting(plan: Plan) -> dict[str, Any]:
    """What the arithmetic was timed on."""
    return {
        "backbone": "resnet18 with random weights",
        "pooling": "flatten",
        "input_px": plan.scale.input_px,
        "steps": plan.scale.steps,
        "averages": plan.scale.averages,
        "rounds": plan.rounds,
    }
