"""The uploads that a bucket stands for, made out of genuine crops (design.md §7.2). All of it simulated."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ..calibration.conditions import ANY, ROOT, SIZES, Conditions, encoding_counts_below, lineage, size_band
from ..records import CROP_PX
from ..stored_crops import as_crop, detail_px
from .degrade import uploaded

# The declared mix of uploads behind the parents. No statistics of a platform stand behind it: phones and networks send
# mostly JPEG of 70 and more. A host's own photos bring their own mix: those that came in a bucket stay as they came.
ENCODING_MIX: Mapping[str, float] = {"jpeg90": 0.35, "jpeg70": 0.30, "jpeg0": 0.05, "webp": 0.15, "lossless": 0.15}
SIZE_MIX: Mapping[int, float] = {64: 0.15, 112: 0.25, 200: 0.60}
LARGE = 0.4  # of the uploads of at least 200 px: those so large that the shrinking hides their encoding

Pixels = NDArray[np.uint8]
T = TypeVar("T")
Sides = NDArray[np.int64] | Sequence[int]


def bucket_crops(
    crops: Pixels, native_px: Sides, bucket: str, seed: int, encodings: Sequence[str] | None = None
) -> tuple[Pixels, NDArray[np.int64]]:
    """Genuine crops uint8 [n, s, s, 3] and their sides in px -> uint8 [k, 224, 224, 3] (s where that is more) under the
    bucket's conditions, and which of the n faces these are [k]: each that can enter, once.

    encodings [n]: of uploads as they really came. A face that came under the bucket's conditions, or its children's,
    stays as it is, brought to 224 px where it was stored smaller; the others are degraded. Seeded for each face and
    bucket by itself, so neither their order nor a resumed run changes anything.
    """
    indices = entering(crops, native_px, bucket)
    sides = _sides(crops, native_px)
    px = max(CROP_PX, crops.shape[1])
    made = np.empty((len(indices), px, px, 3), np.uint8)
    for at, index in enumerate(indices):
        if encodings is not None and bucket in lineage(Conditions(int(sides[index]), encodings[index], px).bucket):
            made[at] = as_crop(crops[index], px, int(sides[index]))
            continue
        side, encoding, rng = seeded_upload(bucket, int(sides[index]), seed, int(index), px)
        made[at] = uploaded(crops[index], side, encoding, rng)
    return made, indices


def entering(crops: Pixels, native_px: Sides, bucket: str) -> NDArray[np.int64]:
    """The faces that are large enough for a bucket."""
    least = SIZES[0] if bucket == ROOT else size_band(bucket)[0]
    return np.flatnonzero(_sides(crops, native_px) >= least)


def seeded_upload(
    bucket: str, native_px: int, seed: int, index: int, crop_px: int = CROP_PX
) -> tuple[int, str, np.random.Generator]:
    """(side in px, encoding) of the simulated upload of face `index`, and the generator that `uploaded` draws from."""
    rng = np.random.default_rng([seed, zlib.crc32(bucket.encode()), index])
    return *drawn(bucket, native_px, rng, crop_px), rng


def drawn(bucket: str, native_px: int, rng: np.random.Generator, crop_px: int = CROP_PX) -> tuple[int, str]:
    """(side in px, encoding) of one simulated upload for a face of `native_px`, which can enter the bucket and is
    brought to `crop_px`."""
    encoding, _, size = bucket.partition("/")
    low = int(size) if size else _one(rng, {band: share for band, share in SIZE_MIX.items() if band <= native_px})
    hidden_from = encoding_counts_below(crop_px)
    bound = size_band(f"{ANY}/{low}")[1] or hidden_from
    if encoding == ANY:
        if low == SIZES[-1] and native_px >= hidden_from and rng.random() < LARGE:
            return native_px, "lossless"
        encoding = _one(rng, ENCODING_MIX)
    high = min(bound - 1, native_px)
    return int(np.clip(round(float(np.exp(rng.uniform(np.log(low), np.log(high))))), low, high)), encoding


def _sides(crops: Pixels, native_px: Sides) -> NDArray[np.int64]:
    return np.asarray([detail_px(crops.shape[1], int(native)) for native in native_px], dtype=np.int64)


def _one(rng: np.random.Generator, shares: Mapping[T, float]) -> T:
    names = list(shares)
    weights = np.asarray([shares[name] for name in names])
    return names[int(rng.choice(len(names), p=weights / weights.sum()))]
