"""Where a run of `tune` stands on disk, and the models that it yields."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from ..features.tuned import TunedBackbone
from ..manifest import FaceSet
from . import run_state
from .tune_batches import Plan

STATE = "state.safetensors"
SAID = {"standing", "classes", "plan"}
UNSAID = FaceSet("not said by the run", "train", 0, "unstated")  # a run of before it was kept


@dataclass(slots=True)
class Standing:
    """Where a run stands: steps done, the curve (step, loss, hits among genuine and others, lr), seconds spent, and
    faces seen: fewer than planned by a head that something is kept from."""

    step: int = 0
    seconds: float = 0.0
    faces: int = 0
    curve: list[dict[str, float]] = field(default_factory=list)


def keep(
    model: TunedBackbone,
    optimizer: torch.optim.Optimizer,
    standing: Standing,
    plan: Plan,
    run: Path,
    learnt: Sequence[FaceSet] = (),
) -> None:
    """Weights, moments and standing of a run of this plan, the sets it has learnt, and its curve for people."""
    groups = {"model": model.state_dict(), "moments": run_state.moments(optimizer)}
    sets = [asdict(each) for each in learnt]
    said = {"standing": asdict(standing), "classes": model.classes, "plan": asdict(plan), "learnt": sets}
    run_state.write(run / STATE, groups, said)
    run_state.write_curve(run, {"plan": asdict(plan), **asdict(standing)})


def resume(model: TunedBackbone, optimizer: torch.optim.Optimizer, plan: Plan, run: Path) -> Standing | None:
    """Fill model and optimiser from a run's last whole state; None before the first.

    Raises RunError for a damaged file, and for a run of other classes or of another plan.
    """
    path = run / STATE
    if not path.is_file():
        return None
    groups, said = run_state.read(path, SAID)
    if tuple(said["classes"]) != model.classes:
        told = f"{', '.join(said['classes'])} apart, not {', '.join(model.classes)}"
        raise run_state.RunError(f"{path} learns to tell {told}")
    run_state.same_plan(path, asdict(plan), said["plan"])
    try:
        model.load_state_dict(groups["model"])
    except RuntimeError as error:
        raise run_state.RunError(f"{path} holds a network of other stages or widths") from error
    run_state.put_moments(optimizer, groups.get("moments", {}))
    return Standing(**said["standing"])


def trained(run: Path) -> TunedBackbone:
    """The model of a run as it stands, for scoring or to begin from. Raises RunError."""
    groups, said = _read(run)
    try:
        return TunedBackbone.filled(said["classes"], groups["model"])
    except ValueError as error:
        raise run_state.RunError(f"{run / STATE} holds no tuned backbone: {error}") from error


def told(run: Path) -> dict[str, Any]:
    """What a manifest says of a run of `tune`: its plan, steps, seconds and where its loss ended. Raises RunError."""
    _, said = _read(run)
    standing = Standing(**said["standing"])
    return {
        "plan": said["plan"],
        "steps": standing.step,
        "faces": standing.faces,
        "seconds": round(standing.seconds),
        **_last(standing),
    }


def learnt(run: Path) -> list[FaceSet]:
    """The sets that a run has learnt, genuine faces and fakes; `UNSAID` where it does not say. Raises RunError."""
    _, said = _read(run)
    return [FaceSet(**each) for each in said.get("learnt", ())] or [UNSAID]


def _read(run: Path) -> tuple[dict[str, run_state.Tensors], dict[str, Any]]:
    path = run / STATE
    if not path.is_file():
        raise run_state.RunError(f"{path} is missing: {run} is no run of tune")
    return run_state.read(path, SAID)


def _last(standing: Standing) -> dict[str, float]:
    return {"loss": round(standing.curve[-1]["loss"], 4)} if standing.curve else {}


def begin_from(base: TunedBackbone, classes: Sequence[str], stages: Sequence[int]) -> TunedBackbone:
    """A model for more classes on a tuned one's features: shared classes keep their direction.

    Raises RunError for a base of other stages, or one that was taught what the new model is to know nothing of.
    """
    if more := sorted(set(base.classes) - set(classes)):
        raise run_state.RunError(
            f"what it would start from was taught {', '.join(more)}, of which it must know nothing"
        )
    if base.stages != tuple(stages):
        raise run_state.RunError(f"what it would start from ends at stage {base.stages[-1]}, this one at {stages[-1]}")
    model = TunedBackbone(classes, stages)
    kept = {name: value for name, value in base.state_dict().items() if name != "directions"}
    model.load_state_dict(kept, strict=False)
    with torch.no_grad():
        for at, name in enumerate(model.classes):
            if name in base.classes:
                model.directions[at] = base.directions[base.classes.index(name)]
    return model
