"""What a run of `fit_flow` keeps on disk: one file, moved into place whole, so that a kill costs an epoch at most."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from . import run_state
from .run_state import Tensors

STATE = "flow.safetensors"


@dataclass(slots=True)
class Progress:
    """Where a run stands. `history`: train, select, lr and seconds of each epoch. seconds_left: at most, as of now."""

    epoch: int = 0
    best: float = float("inf")
    best_epoch: int = 0
    lr: float = 0.0
    since_drop: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    seconds_left: float = float("inf")


def keep(
    run: Path, flows: Tensors, best: Tensors, optimizer: torch.optim.Optimizer, progress: Progress, plan: dict[str, Any]
) -> None:
    """Write the state of a run of this plan after an epoch: flows, the best epoch's, moments, progress."""
    groups = {"flows": flows, "best": best, "moments": run_state.moments(optimizer)}
    run_state.write(run / STATE, groups, {"progress": asdict(progress), "plan": plan})
    run_state.write_curve(run, {"plan": plan, **asdict(progress)})


def resume(
    run: Path, flows: torch.nn.Module, optimizer: torch.optim.Optimizer, plan: dict[str, Any]
) -> tuple[Progress, Tensors] | None:
    """Fill flows and optimiser from a run's last whole state -> progress and the best flows; None before the first.

    Raises RunError for a damaged file and for a run of another plan.
    """
    path = run / STATE
    if not path.is_file():
        return None
    groups, said = run_state.read(path, {"progress", "plan"})
    run_state.same_plan(path, plan, said["plan"])
    fill(flows, groups["flows"])
    run_state.put_moments(optimizer, groups.get("moments", {}))
    return Progress(**said["progress"]), groups["best"]


def learnt(flows: torch.nn.Module) -> Tensors:
    """A copy of what is trained; Gaussians and permutations come from data and seed, and would be most of the file."""
    return {name: value.detach().clone() for name, value in flows.named_parameters()}


@torch.no_grad()
def fill(flows: torch.nn.Module, parameters: Tensors) -> None:
    """Put back what `learnt` gave."""
    for name, value in flows.named_parameters():
        value.copy_(parameters[name])
