"""How an upload was encoded, from what its container says: the key of a calibration band (design.md §7.2).

The decoding child reads the container; here its answer is only interpreted, so that no hostile byte is parsed.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from .decoder import Picture

ANY = "any"
JPEG_BANDS = ((90, "jpeg90"), (70, "jpeg70"), (1, "jpeg0"))  # least quality of each

# The example tables of ITU-T T.81, K.1 and K.2 (luminance, chrominance), which libjpeg scales by its quality
LUMINANCE = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51,
    87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101,
    72, 92, 95, 98, 112, 100, 103, 99,
)  # fmt: skip
CHROMINANCE = (
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99,
    99, 99, 99, *[99] * 32,
)  # fmt: skip


def of(picture: Picture) -> str:
    """The key: "jpeg90" (quality >= 90), "jpeg70" (70–89), "jpeg0" (below), "webp" (lossy), "lossless", or "any" where
    there is no band: AVIF, HEIC, GIF, and what does not say."""
    if picture.lossless:
        return "lossless"
    if picture.media_type == "image/jpeg" and picture.tables:
        quality = jpeg_quality(picture.tables)
        return next(key for least, key in JPEG_BANDS if quality >= least)
    return "webp" if picture.media_type == "image/webp" and picture.lossless is False else ANY


def jpeg_quality(tables: Sequence[Sequence[int]]) -> int:
    """The quality 1–100 of the libjpeg tables nearest to these: the luminance table, then the chrominance table where
    there is one; 64 steps each, in reading order. Nearest: least sum of absolute differences of the steps.

    Other encoders' tables are given the quality whose tables they resemble.
    """
    ours = _scaled()[:, : min(2, len(tables))]
    given = np.asarray(tables[:2], dtype=np.int64)
    distance = np.abs(ours - given).sum(axis=(1, 2))
    return int(100 - np.argmin(distance[::-1]))  # of equal ones the highest


@cache
def _scaled() -> NDArray[np.int64]:
    """[100, 2, 64]: both tables at the qualities 1–100, as jpeg_set_quality of libjpeg makes them (baseline)."""
    qualities = np.arange(1, 101)
    percent = np.where(qualities < 50, 5000 // qualities, 200 - 2 * qualities)
    tables = np.asarray([LUMINANCE, CHROMINANCE], dtype=np.int64)
    return np.clip((tables * percent[:, None, None] + 50) // 100, 1, 255)
