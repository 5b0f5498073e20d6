"""What a run of `fit_flow` keeps on disk: one file, moved into place whole, so that a kill costs an epoch at most."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

STATE, CURVE = "flow.safetensors", "curve.json"


class RunError(ValueError):
    """The folder of a run cannot go on: damaged, or another run's. The message names the file and what differs."""


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


Tensors = dict[str, Tensor]


def keep(
    run: Path, flows: Tensors, best: Tensors, optimizer: torch.optim.Optimizer, progress: Progress, plan: dict[str, Any]
) -> None:
    """Write the state of a run of this plan after an epoch: flows, the best epoch's, moments, progress."""
    run.mkdir(parents=True, exist_ok=True)
    state = optimizer.state_dict()["state"]
    moments = {f"{at}.{name}": value for at, values in state.items() for name, value in values.items()}
    groups = {"flows": flows, "best": best, "moments": moments}
    tensors = {f"{group}/{name}": value for group, named in groups.items() for name, value in named.items()}
    part = run / f"{STATE}.part"
    save_file(
        {name: value.detach().cpu().clone().contiguous() for name, value in tensors.items()},
        part,
        {"progress": json.dumps(asdict(progress)), "plan": json.dumps(plan)},
    )
    _into_place(part, run / STATE)
    told = run / f"{CURVE}.part"
    told.write_text(json.dumps({"plan": plan, **asdict(progress)}, indent=1), encoding="utf-8")
    _into_place(told, run / CURVE)


def resume(
    run: Path, flows: torch.nn.Module, optimizer: torch.optim.Optimizer, plan: dict[str, Any]
) -> tuple[Progress, Tensors] | None:
    """Fill flows and optimiser from a run's last whole state -> progress and the best flows; None before the first.

    Raises RunError for a damaged file and for a run of another plan.
    """
    path = run / STATE
    if not path.is_file():
        return None
    tensors, said = _read(path)
    if differing := sorted(key for key in {*plan, *said["plan"]} if plan.get(key) != said["plan"].get(key)):
        raise RunError(f"{path} belongs to a run with other {', '.join(differing)}: use another folder for this one")
    fill(flows, _group(tensors, "flows"))
    moments: dict[int, Tensors] = {}
    for key, value in _group(tensors, "moments").items():
        at, _, name = key.partition(".")
        moments.setdefault(int(at), {})[name] = value
    optimizer.load_state_dict({"state": moments, "param_groups": optimizer.state_dict()["param_groups"]})
    return Progress(**said["progress"]), _group(tensors, "best")


def learnt(flows: torch.nn.Module) -> Tensors:
    """A copy of what is trained; Gaussians and permutations come from data and seed, and would be most of the file."""
    return {name: value.detach().clone() for name, value in flows.named_parameters()}


@torch.no_grad()
def fill(flows: torch.nn.Module, parameters: Tensors) -> None:
    """Put back what `learnt` gave."""
    for name, value in flows.named_parameters():
        value.copy_(parameters[name])


def _into_place(part: Path, path: Path) -> None:
    descriptor = os.open(part, os.O_RDONLY)
    try:
        os.fsync(descriptor)  # or a power cut could leave the new name with nothing behind it
    finally:
        os.close(descriptor)
    part.replace(path)


def _read(path: Path) -> tuple[Tensors, dict[str, Any]]:
    try:
        with safe_open(path, "pt") as stream:
            said = {key: json.loads(value) for key, value in (stream.metadata() or {}).items()}
            tensors = {key: stream.get_tensor(key) for key in stream.keys()}  # noqa: SIM118 - it is no mapping
    except (SafetensorError, ValueError) as error:
        raise RunError(f"{path} is damaged ({error}): remove it to begin anew") from error
    if missing := {"progress", "plan"} - said.keys():
        raise RunError(f"{path} is no state of a run: it lacks {', '.join(sorted(missing))}")
    return tensors, said


def _group(tensors: Tensors, group: str) -> Tensors:
    return {key.removeprefix(f"{group}/"): value for key, value in tensors.items() if key.startswith(f"{group}/")}
