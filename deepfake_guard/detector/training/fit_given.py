"""What `fit` is given beside pictures, read before anything is trained: a wrong folder is told at once, not after
hours. Tuned networks come rounded to half precision, as artefacts keep them: calibration counts what will score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import torch

from .. import manifest, weights
from ..ensemble import HEAD
from ..features.tuned import TunedBackbone
from ..manifest import Manifest
from ..signals.alteration import Alteration
from . import tune_state
from .crops import DataError


@dataclass(frozen=True, eq=False, slots=True)
class Head:
    """A tuned head, the course of its training, and the passport of the artefact it was taken from (None: of a run)."""

    net: TunedBackbone
    training: dict[str, Any]
    source: Manifest | None = None

    @classmethod
    def read(cls, folder: Path, device: torch.device) -> Self:
        """Of a run of `tune` or of an artefact. Raises RunError, ArtefactError, or DataError where it has none."""
        if not (folder / manifest.FILE_NAME).is_file():
            return cls(_trained(folder, device), tune_state.told(folder))
        taken = weights.load(folder, str(device))
        if taken.ensemble.head is None or HEAD not in taken.manifest.heads:
            raise DataError(f"{folder} has no head to take, or does not say what it was taught")
        return cls(taken.ensemble.head.rounded(), taken.manifest.heads[HEAD].training, taken.manifest)


@dataclass(frozen=True, eq=False, slots=True)
class Given:
    """folds: family -> a head that never saw it. alteration: the signal; `taught`: the course of its training, and the
    artefact it was taken `of`."""

    head: Head | None
    folds: Mapping[str, TunedBackbone]
    alteration: Alteration | None
    taught: dict[str, Any]

    @classmethod
    def read(cls, tuned: Path | None, folds: Mapping[str, Path], alteration: Path | None, device: torch.device) -> Self:
        """From runs of `tune`; the head and the signal also from an artefact.

        Raises as `Head.read`, DataError also for a fold whose head knows more than the tuned one or an artefact without
        the signal, and ValueError for a run that taught no one-class signal.
        """
        head = None if tuned is None else Head.read(tuned, device)
        others = {family: _trained(run, device) for family, run in folds.items()} if head else {}
        for family, other in others.items():
            if head and (more := sorted(set(other.classes) - set(head.net.classes))):
                raise DataError(
                    f"the head of --fold {family} was taught {', '.join(more)}, which that of --tuned was not: what "
                    "fuses a refit must not have seen what the refit leaves out. Without --fold the head decides alone"
                )
        if alteration is None:
            return cls(head, others, None, {})
        return cls(head, others, *_alteration(alteration, device))


def _trained(run: Path, device: torch.device) -> TunedBackbone:
    return tune_state.trained(run).rounded().to(device)


def _alteration(folder: Path, device: torch.device) -> tuple[Alteration, dict[str, Any]]:
    if not (folder / manifest.FILE_NAME).is_file():
        return Alteration(_trained(folder, device)), tune_state.told(folder)
    taken = weights.load(folder, str(device))
    if taken.ensemble.alteration is None:
        raise DataError(f"{folder} has no traces of alteration to take")
    told = taken.manifest.training.get("alteration", {})
    return Alteration(taken.ensemble.alteration.rounded()), {**told, "of": taken.manifest.detector_id}
