"""What a training run keeps on disk: tensors and JSON in files moved into place whole, so that a kill loses little."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

CURVE = "curve.json"
Tensors = dict[str, Tensor]


class RunError(ValueError):
    """The folder of a run cannot go on: damaged, or another run's. The message names the file and what differs."""


def write(path: Path, groups: Mapping[str, Mapping[str, Tensor]], said: Mapping[str, Any]) -> None:
    """Groups of tensors and JSON values into one file; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    save_file(
        {
            f"{group}/{name}": value.detach().cpu().clone().contiguous()
            for group, named in groups.items()
            for name, value in named.items()
        },
        part,
        {key: json.dumps(value) for key, value in said.items()},
    )
    into_place(part, path)


def write_curve(run: Path, document: Mapping[str, Any]) -> None:
    """The course of a run for people, as `curve.json`."""
    write_document(run / CURVE, document)


def write_document(path: Path, document: Mapping[str, Any]) -> None:
    """JSON for people, whole or not at all."""
    part = path.with_name(f"{path.name}.part")
    part.write_text(json.dumps(document, indent=1), encoding="utf-8")
    into_place(part, path)


def read(path: Path, wanted: set[str]) -> tuple[dict[str, Tensors], dict[str, Any]]:
    """What `write` was given; raises RunError for a damaged file, or one without the `wanted` JSON values."""
    groups: dict[str, Tensors] = {}
    try:
        with safe_open(path, "pt") as stream:
            said = {key: json.loads(value) for key, value in (stream.metadata() or {}).items()}
            for key in stream.keys():  # noqa: SIM118 - it is no mapping
                group, _, name = key.partition("/")
                groups.setdefault(group, {})[name] = stream.get_tensor(key)
    except (SafetensorError, ValueError) as error:
        raise RunError(f"{path} is damaged ({error}): remove it to begin anew") from error
    if missing := wanted - said.keys():
        raise RunError(f"{path} is no state of a run: it lacks {', '.join(sorted(missing))}")
    return groups, said


def same_plan(path: Path, plan: Mapping[str, Any], kept: Mapping[str, Any]) -> None:
    """Raises RunError that names what differs between a run's plan and the one asked for."""
    if differing := sorted(key for key in {*plan, *kept} if plan.get(key) != kept.get(key)):
        raise RunError(f"{path} belongs to a run with other {', '.join(differing)}: use another folder for this one")


def moments(optimizer: torch.optim.Optimizer) -> Tensors:
    """An optimiser's state, one tensor a parameter and name."""
    state = optimizer.state_dict()["state"]
    return {f"{at}.{name}": value for at, values in state.items() for name, value in values.items()}


def put_moments(optimizer: torch.optim.Optimizer, kept: Mapping[str, Tensor]) -> None:
    """Put back what `moments` gave."""
    state: dict[int, Tensors] = {}
    for key, value in kept.items():
        at, _, name = key.partition(".")
        state.setdefault(int(at), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def into_place(part: Path, path: Path) -> None:
    """Give a whole file its name."""
    descriptor = os.open(part, os.O_RDONLY)
    try:
        os.fsync(descriptor)  # or a power cut could leave the new name with nothing behind it
    finally:
        os.close(descriptor)
    part.replace(path)
