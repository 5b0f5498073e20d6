"""From a fitted detector to a calibrated one: genuine faces brought to the conditions of each bucket, scored, counted.

Uploads are simulated, and reports say so. A face is only ever degraded: its size is drawn log-uniformly in the band and
its quality uniformly in its band, so one that was smaller than a band cannot enter it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ..calibration import ALONE, BUCKETS, MIN_FACES, ROOT, Calibration, Floats, Fusion, HeatRange, Standard
from ..explain import strangeness
from ..signals.muflow import MuFlow
from .simulated import Pixels, bucket_crops, entering
from .stored_scores import StoredScores

MIN_SELECT = 30  # selection faces: with fewer, a bucket's scales would be noise, and its parent serves
QUICK_FACES = 400
QUICK_BUCKETS = tuple(key for key in BUCKETS if key.partition("/")[0] in ("any", "jpeg90", "jpeg70", "webp"))

Score = Callable[[Pixels], Mapping[str, Floats]]  # crops uint8 [n, 224, 224, 3] -> raw scores [n] of all signals
RawScores = dict[str, dict[str, Floats]]  # bucket -> signal -> [n]
Say = Callable[[str], None]


@dataclass(frozen=True, eq=False, slots=True)
class Faces:
    """Genuine faces: crops uint8 [n, s, s, 3] by THE recipe, and the side of each in its picture, in px (0: unknown,
    then the crop's own). encodings [n]: of uploads as they really came, whose own conditions need no simulating."""

    crops: Pixels
    native_px: NDArray[np.int64]
    encodings: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.crops)


def calibrate(
    score: Score,
    select: Faces,
    genuine: Faces,
    heat: HeatRange,
    *,
    heads: Collection[str] = (),
    fusion: Fusion = ALONE,
    strange_fusion: Fusion = ALONE,
    buckets: Sequence[str] = BUCKETS,
    seed: int = 0,
    stored: StoredScores | None = None,
    say: Say = print,
) -> Calibration:
    """Scales from `select`, counts from `genuine`, disjoint; every bucket that both have faces enough for.

    stored: where raw scores are kept, so that the same command goes on after a stop. Raises ValueError as
    `Calibration.fit` does.
    """
    keys = populated(select, genuine, buckets)
    chosen, counted = (raw_scores(score, each, keys, seed=seed, stored=stored, say=say) for each in (select, genuine))
    return Calibration.fit(chosen, counted, heat, heads, fusion, strange_fusion)


def calibrate_like(
    score: Score,
    shipped: Calibration,
    select: Faces,
    genuine: Faces,
    heat: HeatRange,
    *,
    seed: int = 0,
    stored: StoredScores | None = None,
    say: Say = print,
) -> Calibration:
    """As `calibrate`, by the formulas of a shipped calibration and with its kinds of scales."""
    heads = [name for name, scale in shipped.buckets[ROOT].scales.items() if isinstance(scale, Standard)]
    return calibrate(
        score, select, genuine, heat, heads=heads, fusion=shipped.fusion, strange_fusion=shipped.strange, seed=seed,
        stored=stored, say=say,
    )  # fmt: skip


def recalibrate(
    score: Score,
    calibration: Calibration,
    genuine: Faces,
    *,
    seed: int = 0,
    stored: StoredScores | None = None,
    say: Say = print,
) -> Calibration:
    """The scales of a shipped calibration, other genuine faces: at most QUICK_FACES of them, QUICK_BUCKETS only."""
    faces = few(genuine, seed)
    keys = [key for key in populated(faces, faces, QUICK_BUCKETS) if key in calibration.buckets]
    return calibration.recounted(raw_scores(score, faces, keys, seed=seed, stored=stored, say=say))


def raw_scores(
    score: Score,
    faces: Faces,
    buckets: Sequence[str],
    *,
    seed: int = 0,
    stored: StoredScores | None = None,
    say: Say = print,
) -> RawScores:
    """Raw scores by bucket and signal, each face brought to each bucket that it can enter; a line to `say` for each."""
    result: RawScores = {}
    started, made = time.monotonic(), 0
    for at, bucket in enumerate(buckets, start=1):
        kept = stored.find(faces.crops, faces.native_px, bucket, seed) if stored else {}
        if not kept:
            crops, _ = bucket_crops(faces.crops, faces.native_px, bucket, seed, faces.encodings)
            kept = {name: np.asarray(values, dtype=np.float64) for name, values in score(crops).items()}
            made += 1
            if stored:
                stored.keep(faces.crops, faces.native_px, bucket, seed, kept)
        result[bucket] = kept
        left = (time.monotonic() - started) / max(1, made) * (len(buckets) - at)
        n = len(next(iter(kept.values())))
        say(f"bucket {at} of {len(buckets)}: {bucket}, {n} faces; {left / 60:.0f} min left")
    return result


def populated(select: Faces, genuine: Faces, buckets: Sequence[str] = BUCKETS) -> list[str]:
    """The buckets that enough faces of both can enter; the root whatever there is."""
    return [
        key
        for key in buckets
        if key == ROOT
        or (
            entering(genuine.crops, genuine.native_px, key).size >= MIN_FACES
            and entering(select.crops, select.native_px, key).size >= MIN_SELECT
        )
    ]


def few(faces: Faces, seed: int, most: int = QUICK_FACES) -> Faces:
    """At most `most` of them, drawn without replacement, in their order."""
    drawn = np.sort(np.random.default_rng(seed).permutation(len(faces))[:most])
    encodings = None if faces.encodings is None else tuple(faces.encodings[at] for at in drawn)
    return Faces(faces.crops[drawn], faces.native_px[drawn], encodings)


def heat_scale(model: MuFlow, select: Pixels) -> HeatRange:
    """From selection crops uint8 [m, s, s, 3]; fills the model's `usual` and `deviation` maps, too."""
    chosen = model.score(select)
    for layer, places in zip(model.stages(), chosen.maps, strict=True):
        layer.usual.copy_(torch.from_numpy(places.mean(axis=0)))
        layer.deviation.copy_(torch.from_numpy(places.std(axis=0)).clamp_min(1e-6))
    calm, rare = np.quantile(strangeness(chosen.maps, model), (0.95, 0.999))
    return HeatRange(calm=float(calm), hot=float(calm + 2 * (rare - calm)))
