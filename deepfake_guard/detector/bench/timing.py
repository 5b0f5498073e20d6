"""Clocks: subjects in alternating rounds within a budget of seconds; medians and spread."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from ..device import synchronise
from .subjects import Call

LONG = 0.15  # of a comparison's seconds: a first call that takes this long is counted, there may be no second


@dataclass(slots=True)
class Budget:
    """Seconds left for all comparisons together, and how much of them the next one may have."""

    seconds: float
    began: float = field(default_factory=time.monotonic)

    def left(self) -> float:
        """Seconds, never negative."""
        return max(0.0, self.seconds - (time.monotonic() - self.began))

    def share(self, part: float) -> float:
        """This part of what is left."""
        return part * self.left()


@dataclass(slots=True)
class Rounds:
    """One comparison. taken: seconds by subject, paces: seconds a face by subject in the last comparison, skipped: why
    a subject has no figure."""

    batch: int
    seconds: float
    paces: Mapping[str, float] = field(default_factory=dict)
    taken: dict[str, list[float]] = field(default_factory=dict)
    first: dict[str, float] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)

    def spent(self) -> float:
        """Seconds so far."""
        return sum(self.first.values()) + sum(map(sum, self.taken.values()))

    def allows(self, name: str) -> bool:
        """A first call unless it is expected to take more than is left, another while there is time for it."""
        expected = self.paces.get(name, 0.0) * self.batch
        if name in self.first:
            expected = min(self.taken[name], default=self.first[name])
        if self.spent() + expected <= self.seconds:
            return True
        if name not in self.first:
            left = max(0.0, self.seconds - self.spent())
            self.skipped[name] = f"about {expected:.0f} s a batch of {self.batch}, and {left:.0f} s were left"
        return False

    def add(self, name: str, seconds: float) -> None:
        """The first call is not counted, unless it was so long that there may be no second."""
        if name not in self.first:
            long = seconds > LONG * self.seconds
            self.first[name], self.taken[name] = (0.0, [seconds]) if long else (seconds, [])
        else:
            self.taken[name].append(seconds)


def spread(seconds: list[float]) -> dict[str, float]:
    """Median, least and most, in milliseconds."""
    return {
        "median_ms": 1000 * statistics.median(seconds),
        "least_ms": 1000 * min(seconds),
        "most_ms": 1000 * max(seconds),
    }


def compare(
    subjects: Mapping[str, Call],
    batch: int,
    side: int,
    rounds: int,
    seconds: float,
    paces: Mapping[str, float],
    device: torch.device,
) -> tuple[dict[str, Any], dict[str, str]]:
    """Each subject once a round, in turn, after one round that is not counted: a slower minute touches all alike.

    paces: seconds a face that are expected. -> name: median_ms, least_ms, most_ms of one batch, the rounds counted, and
    faces a second by the median; and name: why it was skipped.
    """
    pixels = torch.randint(0, 256, (batch, 3, side, side), dtype=torch.uint8)
    table = Rounds(batch, seconds, paces)
    for turn in range(rounds + 1):
        for name, call in subjects.items():
            if name not in table.skipped and (turn == 0 or name in table.first) and table.allows(name):
                table.add(name, _seconds(call, pixels, device))
    counted = {name: taken or [table.first[name]] for name, taken in table.taken.items()}
    rows = {
        name: {**spread(taken), "rounds": len(taken), "faces_per_s": batch / statistics.median(taken)}
        for name, taken in counted.items()
    }
    return rows, table.skipped


def paces(rows: Mapping[str, Any], batch: int) -> dict[str, float]:
    """Seconds a face by subject: at most what a larger batch will take a face."""
    return {name: row["median_ms"] / 1000 / batch for name, row in rows.items()}


def _seconds(call: Call, pixels: torch.Tensor, device: torch.device) -> float:
    """An accelerator answers before it is done: the clock waits for it on both sides."""
    synchronise(device)
    began = time.perf_counter()
    call(pixels)
    synchronise(device)
    return time.perf_counter() - began
