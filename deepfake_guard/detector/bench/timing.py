"""Clocks: subjects in alternating rounds, medians and spread."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from typing import Any

import torch

from .subjects import Call


def spread(seconds: list[float]) -> dict[str, float]:
    """Median, least and most, in milliseconds."""
    return {
        "median_ms": 1000 * statistics.median(seconds),
        "least_ms": 1000 * min(seconds),
        "most_ms": 1000 * max(seconds),
    }


def compare(subjects: Mapping[str, Call], batch: int, side: int, rounds: int) -> dict[str, Any]:
    """Each subject once a round, after one round that is not counted: a slower minute touches all alike.

    -> name: median_ms, least_ms, most_ms of one batch, and faces a second by the median.
    """
    pixels = torch.randint(0, 256, (batch, 3, side, side), dtype=torch.uint8)
    taken: dict[str, list[float]] = {name: [] for name in subjects}
    for turn in range(rounds + 1):
        for name, call in subjects.items():
            began = time.perf_counter()
            call(pixels)
            if turn:
                taken[name].append(time.perf_counter() - began)
    found = {}
    for name, seconds in taken.items():
        found[name] = {**spread(seconds), "faces_per_s": batch / statistics.median(seconds)}
    return found
