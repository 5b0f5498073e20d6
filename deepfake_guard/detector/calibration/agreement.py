"""Which buckets have faces enough, and whether the numbers of a calibration agree with each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

import numpy as np

from .bucket import FUSED, STRANGE, Bucket, Raw
from .conditions import BUCKETS, ROOT
from .judgement import HeatRange
from .scales import Fusion, Standard

MIN_FACES = 200  # a smaller bucket has no numbers of its own: its parent serves
SPREADS = {"above", "below", "deviation"}


def enough(genuine: Mapping[str, Raw]) -> list[str]:
    """The buckets with faces enough, in the order of BUCKETS; the root whatever it has."""
    if unknown := sorted(set(genuine) - set(BUCKETS)):
        raise ValueError(f"unknown buckets: {', '.join(unknown)}")
    sizes = {key: min((np.size(scores) for scores in raw.values()), default=0) for key, raw in genuine.items()}
    return [key for key in BUCKETS if key in sizes and (key == ROOT or sizes[key] >= MIN_FACES)]


def verify(buckets: Mapping[str, Bucket], fusion: Fusion, strange: Fusion, heat: HeatRange) -> None:
    """Raises ValueError for what contradicts itself: names, counts, order or scale of the numbers."""
    if ROOT not in buckets or not set(buckets) <= set(BUCKETS):
        raise ValueError(f"it contradicts itself: a root and known buckets are needed, found {', '.join(buckets)}")
    if not heat.calm < heat.hot:
        raise ValueError(f"it contradicts itself: heat from {heat.calm} to {heat.hot}")
    root = buckets[ROOT].scales
    names, used, one_class = set(root), set(fusion.weights), set(strange.weights)
    heads = {name for name, scale in root.items() if isinstance(scale, Standard)}
    if names & {FUSED, STRANGE} or not used | one_class <= names or one_class & heads:
        raise ValueError(f"it contradicts itself: signals {sorted(names)}, fused {sorted(used | one_class)}")
    for key, bucket in buckets.items():
        kinds_differ = {name: type(scale) for name, scale in bucket.scales.items()} != {
            name: type(scale) for name, scale in root.items()
        }
        if kinds_differ or not _sound(bucket) or (key != ROOT and bucket.n < MIN_FACES):
            raise ValueError(f"it contradicts itself in bucket {key} (count, order or scale of its scores)")


def _sound(bucket: Bucket) -> bool:
    """Finite numbers, spreads above 0, and as many ascending scores of each signal as there are faces."""
    numbers = [(name, value) for scale in bucket.scales.values() for name, value in asdict(scale).items()]
    return (
        all(np.isfinite(value) and (value > 0 or name not in SPREADS) for name, value in numbers)
        and bucket.n > 0
        and all(scores.shape == (bucket.n,) and scores.dtype == np.float64 for scores in bucket.scores.values())
        and all(np.isfinite(scores).all() and (np.diff(scores) >= 0).all() for scores in bucket.scores.values())
    )
