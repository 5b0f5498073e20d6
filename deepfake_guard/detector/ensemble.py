"""What an artefact scores with: µFlow, further one-class signals and heads, over feature maps that are made once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .device import abreast, one_blas_thread, share
from .features.tuned import TunedBackbone, margin
from .heads.linear import LinearHead
from .signals.alteration import Alteration
from .signals.base import Features, Scores, Seen, Signal
from .signals.mahalanobis import Mahalanobis
from .signals.muflow import BATCH, MuFlow, MuFlowScores
from .signals.neighbours import Neighbours
from .signals.residual import Residual
from .signals.sensitivity import Sensitivity

MUFLOW, HEAD, LINEAR, GENERATOR = "muflow", "head", "linear", "generator:"
KINDS: Mapping[str, type[Signal]] = {
    "mahalanobis": Mahalanobis,
    "neighbours": Neighbours,
    "residual": Residual,
    "sensitivity": Sensitivity,
    "alteration": Alteration,
}


@dataclass(frozen=True, eq=False, slots=True)
class Raw:
    """n faces: raw scores float64 [n] by name ("muflow", other signals, "linear", "head",
    "generator:<name>"), and µFlow's layers and maps."""

    scores: Mapping[str, Scores]
    muflow: MuFlowScores


@dataclass(frozen=True, eq=False, slots=True)
class Ensemble:
    """`signals` read pooled features or pixels; `linear` reads those of the frozen backbone; `head` is a tuned copy of
    lite0. Both know fakes, and need not be there."""

    muflow: MuFlow
    signals: tuple[Signal, ...] = ()
    head: TunedBackbone | None = None
    linear: LinearHead | None = None

    @property
    def heads(self) -> tuple[str, ...]:
        """The names under which heads' scores come."""
        linear = (LINEAR,) if self.linear is not None else ()
        tuned = (HEAD, *(GENERATOR + name for name in self.head.classes[1:])) if self.head is not None else ()
        return linear + tuned

    @property
    def others(self) -> tuple[str, ...]:
        """The names of all scores beside µFlow's."""
        return (*(signal.name for signal in self.signals), *self.heads)

    def alone(self) -> Ensemble:
        """µFlow and nothing else."""
        return Ensemble(self.muflow)

    @property
    def alteration(self) -> TunedBackbone | None:
        """The network of the signal that has one of its own, where it is there."""
        return next((signal.net for signal in self.signals if isinstance(signal, Alteration)), None)

    def to(self, device: torch.device) -> Ensemble:
        """The networks moved to `device`; signals that are numpy stay."""
        head = self.head.to(device) if self.head is not None else None
        signals = [signal.to(device) if isinstance(signal, Alteration) else signal for signal in self.signals]
        return replace(self, muflow=self.muflow.to(device), signals=tuple(signals), head=head)

    def score(self, crops: NDArray[np.uint8]) -> Raw:
        """Face crops uint8 [n, s, s, 3] RGB, n >= 0 -> raw scores. Raises ValueError for anything else."""
        size = share(len(crops), self.muflow.device, BATCH)
        batches = [crops[at : at + size] for at in range(0, max(1, len(crops)), size)]
        parts = abreast(self._batch, batches, self.muflow.device)
        scores = {name: np.concatenate([part.scores[name] for part in parts]) for name in parts[0].scores}
        flows = [part.muflow for part in parts]
        maps = [np.concatenate(stage) for stage in zip(*(flow.maps for flow in flows), strict=True)]
        whole = MuFlowScores(
            np.concatenate([flow.total for flow in flows]), np.concatenate([flow.layers for flow in flows]), maps
        )
        return Raw(scores, whole)

    def asked(self, crops: NDArray[np.uint8], names: Collection[str]) -> Mapping[str, Scores]:
        """Raw scores [n] of these signals, and maybe of others; where the head alone is asked, nothing else looks."""
        if self.head is not None and set(names) == {HEAD}:
            return _head_scores(self.head, self.tuned(crops)[1])
        return self.score(crops).scores

    def tuned(self, crops: NDArray[np.uint8]) -> tuple[Features | None, NDArray[np.float32]]:
        """Face crops uint8 [n, s, s, 3], n >= 1 -> the head's features float32 [n, d] and logits float32 [n, classes];
        None and [n, 0] without one."""
        if self.head is None:
            return None, np.zeros((len(crops), 0), np.float32)
        parts = [self._tuned(crops[at : at + BATCH]) for at in range(0, len(crops), BATCH)]
        return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])

    def beside(self, seen: Seen, logits: NDArray[np.float32]) -> dict[str, Scores]:
        """What signals and heads say of n faces, from what the networks saw; µFlow says its own."""
        scores = {signal.name: signal.score(seen) for signal in self.signals}
        if self.linear is not None:
            scores[LINEAR] = self.linear.score(seen.frozen)
        if self.head is not None:
            scores |= _head_scores(self.head, logits)
        return scores

    def bound(self) -> Ensemble:
        """Signals that look a second time (`Sensitivity`) do so through these networks."""
        embeds = {"frozen": self.muflow.pooled, "tuned": lambda crops: self._tuned(crops)[0]}
        signals = [
            signal.bind(embeds[signal.part.space]) if isinstance(signal, Sensitivity) else signal
            for signal in self.signals
        ]
        return replace(self, signals=tuple(signals))

    def _batch(self, crops: NDArray[np.uint8]) -> Raw:
        size = crops.shape[1], crops.shape[2]
        with torch.inference_mode():
            stages = self.muflow.features(_tensor(crops)) if len(crops) else []
        flow = self.muflow.score_features(stages, size) if len(crops) else self.muflow.score(crops)
        scores: dict[str, Scores] = {MUFLOW: flow.total}
        if self.signals or self.head is not None or self.linear is not None:
            frozen = self.muflow.pooled(stages if stages else crops)
            tuned, logits = self._tuned(crops) if self.head is not None else self.tuned(crops)
            with one_blas_thread():
                scores |= self.beside(Seen(crops, frozen, tuned), logits)
        return Raw(scores, flow)

    def _tuned(self, crops: NDArray[np.uint8]) -> tuple[Features, NDArray[np.float32]]:
        """The tuned copy's pooled features float32 [n, d] and its logits float32 [n, classes]; needs a head."""
        if self.head is None:
            raise ValueError("this artefact has no tuned backbone")
        return self.head.look(crops)


def _head_scores(head: TunedBackbone, logits: NDArray[np.float32]) -> dict[str, Scores]:
    """The log-odds of any fake against genuine, and of each known generator against genuine."""
    exact = torch.from_numpy(logits).double()
    scores = {HEAD: margin(exact).numpy()}
    for at, name in enumerate(head.classes[1:], start=1):
        scores[GENERATOR + name] = (exact[:, at] - exact[:, 0]).numpy()
    return scores


def _tensor(crops: NDArray[np.uint8]) -> Tensor:
    """uint8 [n, s, s, 3] -> uint8 [n, 3, s, s]."""
    return torch.from_numpy(np.ascontiguousarray(crops)).permute(0, 3, 1, 2)
