"""Tuning a copy of the backbone against known generators or pseudo-fakes: seeded, resumable, device-agnostic.

Batches hold both halves of a pair (a self-blend and its face, a DFDC frame and its swap), degraded alike, so that the
network cannot learn the source instead of the forgery (GenD, arXiv 2508.06248). Cross-entropy over generators is joined
by label-aware alignment and uniformity on the sphere (Wang & Isola, arXiv 2005.10242).
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor

from ..heads.tuned import GENUINE, TunedBackbone
from . import degrade, pseudo_fakes
from .crops import Pixels

SELF_BLEND, RESYNTHESISED = "self-blend", "resynthesised"


@dataclass(frozen=True, slots=True)
class Plan:
    """faces: how many are seen in all; patch: side of the random crop trained on; blends: the share of each batch that
    is pseudo-fakes with their genuine halves; batch: faces a step, half of them genuine; still: so many of the first
    blocks (and the stem, where any) are left as they are, which is 1.5 times as fast with two."""

    faces: int = 40_000
    batch: int = 32
    patch: int = 160
    blends: float = 0.3
    lr: float = 4e-4
    weight_decay: float = 0.02
    warm_up: float = 0.05
    still: int = 0
    sphere: float = 0.1
    seed: int = 0

    @property
    def steps(self) -> int:
        """Optimiser steps in all."""
        return max(1, self.faces // self.batch)


@dataclass(frozen=True, eq=False)
class Lessons:
    """Genuine crops uint8 [n, s, s, 3] by source, fake ones by generator, and pairs: (generator, row of the fakes) ->
    (source, row of the genuine)."""

    genuine: Mapping[str, Pixels]
    fakes: Mapping[str, Pixels] = field(default_factory=dict)
    pairs: Mapping[tuple[str, int], tuple[str, int]] = field(default_factory=dict)

    def classes(self) -> tuple[str, ...]:
        """What the softmax tells apart."""
        return (GENUINE, *sorted(self.fakes), SELF_BLEND, RESYNTHESISED)


class Batches(torch.utils.data.Dataset[tuple[Tensor, Tensor]]):
    """Batch number `step`, the same whenever it is made: (uint8 [b, 3, patch, patch], class int64 [b])."""

    def __init__(self, lessons: Lessons, plan: Plan) -> None:
        self.lessons, self.plan = lessons, plan
        self.number = {name: at for at, name in enumerate(lessons.classes())}

    def __len__(self) -> int:
        return self.plan.steps

    def __getitem__(self, step: int) -> tuple[Tensor, Tensor]:
        rng = np.random.default_rng((self.plan.seed, step))
        pictures, labels = [], []
        for fake, genuine, name in self._couples(rng):
            seed = int(rng.integers(2**32))
            for picture, label in ((genuine, GENUINE), (fake, name)):
                pictures.append(degrade.for_tuning(picture, np.random.default_rng(seed), self.plan.patch))
                labels.append(self.number[label])
        stacked = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous()
        return stacked, torch.tensor(labels)

    def _couples(self, rng: np.random.Generator) -> Iterator[tuple[Pixels, Pixels, str]]:
        """(fake, genuine, generator), half a batch of them; true pairs where there are any."""
        lessons = self.lessons
        for _ in range(self.plan.batch // 2):
            source, row = self._genuine(rng)
            face = lessons.genuine[source][row]
            if not lessons.fakes or rng.random() < self.plan.blends:
                yield self._pseudo(face, rng)
                continue
            name = str(rng.choice(sorted(lessons.fakes)))
            at = int(rng.integers(len(lessons.fakes[name])))
            if (pair := lessons.pairs.get((name, at))) is not None:
                face = lessons.genuine[pair[0]][pair[1]]
            yield lessons.fakes[name][at], face, name

    def _genuine(self, rng: np.random.Generator) -> tuple[str, int]:
        source = str(rng.choice(sorted(self.lessons.genuine)))
        return source, int(rng.integers(len(self.lessons.genuine[source])))

    def _pseudo(self, face: Pixels, rng: np.random.Generator) -> tuple[Pixels, Pixels, str]:
        if rng.random() < 0.25:
            return pseudo_fakes.resynthesised(face, rng), face, RESYNTHESISED
        other = None
        if rng.random() < 0.3:
            source, row = self._genuine(rng)
            other = self.lessons.genuine[source][row]
        return pseudo_fakes.self_blend(face, rng, other), face, SELF_BLEND


def loss_of(embedded: Tensor, logits: Tensor, labels: Tensor, sphere: float) -> Tensor:
    """Cross-entropy + sphere · (alignment of genuine faces + uniformity); balanced between genuine and the rest.

    embedded [n, d] of length 1, logits [n, c], labels int64 [n] with 0 = genuine.
    """
    each = F.cross_entropy(logits, labels, reduction="none", label_smoothing=0.05)
    genuine = labels == 0
    # whether it is genuine counts beside which generator it was
    against = torch.logsumexp(logits[:, 1:], dim=1) - logits[:, 0]
    binary = F.binary_cross_entropy_with_logits(against, (~genuine).float() * 0.96 + 0.02)
    squared = torch.cdist(embedded, embedded).square()
    same = genuine[:, None] & genuine[None] & ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    alignment = squared[same].mean() if bool(same.any()) else squared.new_zeros(())
    apart = ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    uniformity = torch.exp(-2 * squared[apart]).mean().log()
    return 0.5 * each.mean() + binary + sphere * (alignment + uniformity)


@dataclass(slots=True)
class Standing:
    """Where a run stands: steps done, the curve (step, loss, hits among genuine and others, lr), seconds spent."""

    step: int = 0
    seconds: float = 0.0
    curve: list[dict[str, float]] = field(default_factory=list)


Say = Callable[[str], None]


def tune(
    model: TunedBackbone,
    lessons: Lessons,
    plan: Plan,
    run: Path,
    device: torch.device,
    say: Say,
    every: int = 50,
    loaders: int = 1,
) -> Standing:
    """Train in place; `run` keeps weights, moments and curve every 50 steps, and a run started again there goes on.

    loaders: processes that make batches beside; 0 makes them here.
    """
    model.to(memory_format=torch.channels_last).to(device).requires_grad_(True)
    _leave_still(model, plan.still)
    moving = [p for p in model.parameters() if p.requires_grad]
    decayed, plain = [p for p in moving if p.ndim > 1], [p for p in moving if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": plan.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=plan.lr)
    standing = _resume(model, optimizer, run) or Standing()
    loader: Any = torch.utils.data.DataLoader(
        Batches(lessons, plan), batch_size=None, sampler=range(standing.step, plan.steps), num_workers=loaders
    )
    started, window = time.monotonic() - standing.seconds, _Window()
    for pixels, labels in loader:
        for group in optimizer.param_groups:
            group["lr"] = plan.lr * _pace(standing.step / plan.steps, plan.warm_up)
        labels = labels.to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            embedded, logits = model(pixels.to(device))
        loss = loss_of(embedded.float(), logits.float(), labels, plan.sphere)
        if not torch.isfinite(loss):
            raise FloatingPointError(f"the loss became {float(loss.detach())} at step {standing.step}: lower the rate")
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(moving, 5.0)
        optimizer.step()
        window.add(float(loss.detach()), logits.detach(), labels)
        standing.step += 1
        if standing.step % every == 0 or standing.step == plan.steps:
            standing.seconds = time.monotonic() - started
            standing.curve.append({"step": standing.step, "lr": optimizer.param_groups[0]["lr"], **window.means()})
            _keep(model, optimizer, standing, plan, run)
            say(_line(standing, plan))
            window = _Window()
    return standing


def _leave_still(model: TunedBackbone, blocks: int) -> None:
    net: Any = model.net
    for part in [net.conv_stem, net.bn1, *net.blocks[:blocks]] if blocks else []:
        part.requires_grad_(False)


def _pace(done: float, warm_up: float) -> float:
    """Up in a straight line, then down along half a cosine."""
    if done < warm_up:
        return (done + 1e-3) / warm_up
    return 0.5 * (1 + math.cos(math.pi * (done - warm_up) / (1 - warm_up)))


class _Window:
    """Means since the last report."""

    def __init__(self) -> None:
        self.losses: list[float] = []
        self.genuine: list[NDArray[np.bool_]] = []
        self.others: list[NDArray[np.bool_]] = []

    def add(self, loss: float, logits: Tensor, labels: Tensor) -> None:
        against = (torch.logsumexp(logits[:, 1:].float(), dim=1) > logits[:, 0].float()).cpu().numpy()
        fake = (labels > 0).cpu().numpy()
        self.losses.append(loss)
        self.genuine.append(~against[~fake])
        self.others.append(against[fake])

    def means(self) -> dict[str, float]:
        return {
            "loss": float(np.mean(self.losses)),
            "genuine_right": float(np.concatenate(self.genuine).mean()),
            "others_right": float(np.concatenate(self.others).mean()),
        }


def _line(standing: Standing, plan: Plan) -> str:
    last = standing.curve[-1]
    left = standing.seconds / standing.step * (plan.steps - standing.step)
    return (
        f"step {standing.step}/{plan.steps}: loss {last['loss']:.3f}, right: genuine {last['genuine_right']:.2f}, "
        f"others {last['others_right']:.2f}, {standing.step * plan.batch / standing.seconds:.0f} faces/s, "
        f"{left / 60:.0f} min left"
    )


def _keep(model: TunedBackbone, optimizer: torch.optim.Optimizer, standing: Standing, plan: Plan, run: Path) -> None:
    """Each file is moved into place whole, the one that says how far it is last: a kill costs 50 steps at most."""
    run.mkdir(parents=True, exist_ok=True)
    moments = {
        f"{at}.{name}": value.contiguous()
        for at, state in optimizer.state_dict()["state"].items()
        for name, value in state.items()
    }
    both = {f"model.{name}": value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    both |= {f"moments.{name}": value.cpu() for name, value in moments.items()}
    save_file(
        both, run / "state.part", {"standing": json.dumps(asdict(standing)), "classes": json.dumps(model.classes)}
    )
    (run / "state.part").replace(run / "state.safetensors")
    (run / "curve.json").write_text(json.dumps({"plan": asdict(plan), **asdict(standing)}, indent=1), encoding="utf-8")


def _resume(model: TunedBackbone, optimizer: torch.optim.Optimizer, run: Path) -> Standing | None:
    path = run / "state.safetensors"
    if not path.is_file():
        return None
    tensors, classes, standing = read_state(path)
    if classes != model.classes:
        raise ValueError(f"{path} learns to tell {', '.join(classes)} apart, not {', '.join(model.classes)}")
    model.load_state_dict({key[6:]: value for key, value in tensors.items() if key.startswith("model.")})
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith("moments."):
            _, at, name = key.split(".")
            state.setdefault(int(at), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    return standing


def read_state(path: Path) -> tuple[dict[str, Tensor], tuple[str, ...], Standing]:
    """A run's tensors ("model.…", "moments.…"), its classes and where it stands."""
    from safetensors import safe_open

    with safe_open(path, "pt") as stream:
        said = stream.metadata()
    return load_file(path), tuple(json.loads(said["classes"])), Standing(**json.loads(said["standing"]))


def trained(path: Path) -> TunedBackbone:
    """The model of a run's state file, for scoring."""
    tensors, classes, _ = read_state(path)
    model = TunedBackbone(classes)
    model.load_state_dict({key[6:]: value for key, value in tensors.items() if key.startswith("model.")})
    return model.requires_grad_(False)


def begin_from(base: TunedBackbone, classes: Sequence[str]) -> TunedBackbone:
    """A model for other classes on a tuned one's features: shared classes keep their direction."""
    model = TunedBackbone(classes)
    kept = {name: value for name, value in base.state_dict().items() if name != "directions"}
    model.load_state_dict(kept, strict=False)
    with torch.no_grad():
        for at, name in enumerate(model.classes):
            if name in base.classes:
                model.directions[at] = base.directions[base.classes.index(name)]
    return model
