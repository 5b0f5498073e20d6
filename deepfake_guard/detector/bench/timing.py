"""Clocks: subjects in alternating rounds, medians and spread."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from typing import Any

import torch

from .subjects import Call

ENOUGH = 40.0  # seconds: bfloat16 on a CPU without it takes minutes a batch, and needs no five of them to be seen


def spread(seconds: list[float]) -> dict[str, float]:
    """Median, least and most, in milliseconds."""
    return {
        "median_ms": 1000 * statistics.median(seconds),
        "least_ms": 1000 * min(seconds),
        "most_ms": 1000 * max(seconds),
    }


def compare(subjects: Mapping[str, Call], batch: int, side: int, rounds: int) -> dict[str, Any]:
    """Each subject once a round, in turn, after one round that is not counted: a slower minute touches all alike.

    A subject that has had ENOUGH sits out later rounds, and its first one counts when it took that long by itself.
    -> name: median_ms, least_ms, most_ms of one batch, the rounds counted, and faces a second by the median.
    """
    pixels = torch.randint(0, 256, (batch, 3, side, side), dtype=torch.uint8)
    taken = {name: [_seconds(call, pixels)] for name, call in subjects.items()}
    warm_up = {name: seconds.pop() if seconds[0] < ENOUGH else 0.0 for name, seconds in taken.items()}
    for _ in range(rounds):
        for name, call in subjects.items():
            if not taken[name] or warm_up[name] + sum(taken[name]) < ENOUGH:
                taken[name].append(_seconds(call, pixels))
    return {
        name: {**spread(seconds), "rounds": len(seconds), "faces_per_s": batch / statistics.median(seconds)}
        for name, seconds in taken.items()
    }


def _seconds(call: Call, pixels: torch.Tensor) -> float:
    began = time.perf_counter()
    call(pixels)
    return time.perf_counter() - began
