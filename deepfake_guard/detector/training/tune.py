"""Tuning a copy of lite0 against known generators or pseudo-fakes: seeded, resumable, device-agnostic.

Batches hold both halves of a pair (a self-blend and its face, a DFDC frame and its swap), degraded alike, so that the
network cannot learn the source instead of the forgery (GenD, arXiv 2508.06248). Cross-entropy over generators is joined
by alignment of genuine faces and uniformity of all on the sphere (Wang & Isola, arXiv 2005.10242).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..device import has_bfloat16
from ..features.tuned import TunedBackbone, margin
from .tune_batches import Batches, Lessons, Plan, Pupil
from .tune_state import Standing, keep, learnt, resume

Say = Callable[[str], None]


def loss_of(embedded: Tensor, logits: Tensor, labels: Tensor, sphere: float) -> Tensor:
    """Cross-entropy + sphere · (alignment of genuine faces + uniformity); balanced between genuine and the rest.

    embedded [n, d] of length 1, logits [n, c], labels int64 [n] with 0 = genuine.
    """
    each = F.cross_entropy(logits, labels, reduction="none", label_smoothing=0.05)
    genuine = labels == 0
    # whether it is genuine counts beside which generator it was
    binary = F.binary_cross_entropy_with_logits(margin(logits), (~genuine).float() * 0.96 + 0.02)
    squared = torch.cdist(embedded, embedded).square()
    same = genuine[:, None] & genuine[None] & ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    alignment = squared[same].mean() if bool(same.any()) else squared.new_zeros(())
    apart = ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    uniformity = torch.exp(-2 * squared[apart]).mean().log()
    return 0.5 * each.mean() + binary + sphere * (alignment + uniformity)


def tune(
    models: Mapping[Pupil, TunedBackbone],
    lessons: Lessons,
    plan: Plan,
    run: Path,
    device: torch.device,
    say: Say,
    every: int = 50,
    loaders: int = 1,
) -> dict[Pupil, Standing]:
    """Train in place, several heads side by side: every face is degraded once, and each head learns from those that are
    not kept from it.

    The models have the classes of their pupils. Each has a run in `run / pupil.name`, which keeps weights, moments and
    curve every so many steps: started again there, a run goes on. loaders: processes that make batches beside; 0 makes
    them here. Raises RunError for another run's folder, FloatingPointError when the loss is lost.
    """
    learners = [_Learner(model, pupil, lessons, plan, run, device) for pupil, model in models.items()]
    first = min(learner.standing.step for learner in learners)
    batches = Batches(lessons, plan, [learner.pupil for learner in learners])
    loader: Any = torch.utils.data.DataLoader(
        batches,
        batch_size=None,
        sampler=range(first, plan.steps),
        num_workers=loaders,
        pin_memory=device.type == "cuda",
    )
    for step, (pixels, labels, seen) in enumerate(loader, start=first):
        there = pixels.to(device, non_blocking=True)
        for learner, sees in zip(learners, seen, strict=True):
            if learner.standing.step == step:  # after a kill between two of them, one may be ahead
                learner.learn(there, labels, sees)
        if (step + 1) % every == 0 or step + 1 == plan.steps:
            for learner in learners:
                learner.keep(step + 1)
            say(learners[0].line())
    return {learner.pupil: learner.standing for learner in learners}


class _Learner:
    """One head that is learning: its optimiser, its run on disk and the means since its last report."""

    def __init__(
        self, model: TunedBackbone, pupil: Pupil, lessons: Lessons, plan: Plan, run: Path, device: torch.device
    ) -> None:
        self.model, self.pupil, self.plan, self.run, self.device = model, pupil, plan, run / pupil.name, device
        model.to(memory_format=torch.channels_last).to(device).requires_grad_(True)
        _leave_still(model, plan.still)
        self.moving = [p for p in model.parameters() if p.requires_grad]
        decayed, plain = [p for p in self.moving if p.ndim > 1], [p for p in self.moving if p.ndim <= 1]
        groups = [{"params": decayed, "weight_decay": plan.weight_decay}, {"params": plain, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=plan.lr)
        standing = resume(model, self.optimizer, plan, self.run)
        self.standing = standing or Standing()
        self.learnt = list(dict.fromkeys((*pupil.sets(lessons), *(learnt(self.run) if standing else ()))))
        # an accelerator plans its convolutions anew for every size of batch: there all faces go through, and some count
        self.alike = device.type != "cpu"
        self.half = self.alike and has_bfloat16(device)  # of convolutions alone; a CPU would gain nothing
        own = {name: at for at, name in enumerate(model.classes)}
        self.number = torch.tensor([own.get(name, -1) for name in lessons.classes()])  # -1: kept from it
        self.started, self.window = time.monotonic() - self.standing.seconds, _Window()

    def learn(self, pixels: Tensor, labels: Tensor, sees: Tensor) -> None:
        """One step on those faces of a batch that it may see: labels int64 [b] in the lessons' numbers, sees [b]."""
        at = torch.nonzero(sees).flatten()
        for group in self.optimizer.param_groups:
            group["lr"] = self.plan.lr * _pace(self.standing.step / self.plan.steps, self.plan.warm_up)
        self.standing.step += 1
        self.standing.faces += len(at)
        if not len(at):
            return
        wanted = self.number[labels[at]].to(self.device, non_blocking=True)
        at = at.to(self.device, non_blocking=True)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            embedded, logits = self.model(pixels if self.alike or len(at) == len(labels) else pixels[at])
        if self.alike:
            embedded, logits = embedded[at], logits[at]
        loss = loss_of(embedded.float(), logits.float(), wanted, self.plan.sphere)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.moving, 5.0)
        self.optimizer.step()
        self.window.add(loss.detach(), logits.detach(), wanted)

    def keep(self, step: int) -> None:
        """Write down where it stands, and begin a new window. Raises FloatingPointError when the loss is lost."""
        if self.standing.step != step or not self.window.losses:
            return
        means = self.window.means()
        if not math.isfinite(means["loss"]):
            raise FloatingPointError(f"the loss became {means['loss']} before step {step}: lower the rate")
        self.standing.seconds = time.monotonic() - self.started
        self.standing.curve.append({"step": step, "lr": self.optimizer.param_groups[0]["lr"], **means})
        keep(self.model, self.optimizer, self.standing, self.plan, self.run, self.learnt)
        self.window = _Window()

    def line(self) -> str:
        """Where it stands, for people."""
        return _line(self.standing, self.plan)


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
    """Means since the last report; numbers stay on the device until then, since fetching each would hold it up."""

    def __init__(self) -> None:
        self.losses: list[Tensor] = []
        self.right: list[Tensor] = []  # [genuine right, genuine, others right, others]

    def add(self, loss: Tensor, logits: Tensor, labels: Tensor) -> None:
        against, fake = margin(logits.float()) > 0, labels > 0
        self.losses.append(loss)
        self.right.append(torch.stack([(~against & ~fake).sum(), (~fake).sum(), (against & fake).sum(), fake.sum()]))

    def means(self) -> dict[str, float]:
        genuine_right, genuine, others_right, others = torch.stack(self.right).sum(0).tolist()
        return {
            "loss": float(torch.stack(self.losses).mean()),
            "genuine_right": genuine_right / max(genuine, 1),
            "others_right": others_right / max(others, 1),
        }


def _line(standing: Standing, plan: Plan) -> str:
    last = standing.curve[-1]
    left = standing.seconds / standing.step * (plan.steps - standing.step)
    return (
        f"step {standing.step}/{plan.steps}: loss {last['loss']:.3f}, right: genuine {last['genuine_right']:.2f}, "
        f"others {last['others_right']:.2f}, {standing.faces / standing.seconds:.0f} faces/s, "
        f"{left / 60:.0f} min left"
    )
