"""Tuning a copy of the backbone against known generators or pseudo-fakes: seeded, resumable, device-agnostic.

Batches hold both halves of a pair (a self-blend and its face, a DFDC frame and its swap), degraded alike, so that the
network cannot learn the source instead of the forgery (GenD, arXiv 2508.06248). Cross-entropy over generators is joined
by label-aware alignment and uniformity on the sphere (Wang & Isola, arXiv 2005.10242).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ..heads.tuned import TunedBackbone, margin
from .tune_batches import Batches, Lessons, Plan
from .tune_state import Standing, keep, resume

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
    model: TunedBackbone,
    lessons: Lessons,
    plan: Plan,
    run: Path,
    device: torch.device,
    say: Say,
    every: int = 50,
    loaders: int = 1,
) -> Standing:
    """Train in place; `run` keeps weights, moments and curve every so many steps: started again there, a run goes on.

    loaders: processes that make batches beside; 0 makes them here. Raises RunError for another run's folder,
    FloatingPointError when the loss is lost.
    """
    model.to(memory_format=torch.channels_last).to(device).requires_grad_(True)
    _leave_still(model, plan.still)
    moving = [p for p in model.parameters() if p.requires_grad]
    decayed, plain = [p for p in moving if p.ndim > 1], [p for p in moving if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": plan.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=plan.lr)
    standing = resume(model, optimizer, plan, run) or Standing()
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
            keep(model, optimizer, standing, plan, run)
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
        against = (margin(logits.float()) > 0).cpu().numpy()
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
