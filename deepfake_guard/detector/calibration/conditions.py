"""Under which conditions a face arrived, and which genuine faces it is therefore compared with (design.md §7.2)."""

from __future__ import annotations

from dataclasses import dataclass

from ..records import CROP_PX

ROOT = ANY = "any"
SIZES = (64, 112, 200)  # lower bounds of the bands of the native crop, in px; the last has no upper bound
ENCODINGS = ("jpeg90", "jpeg70", "jpeg0", "webp", "lossless")  # by decreasing JPEG quality; no key: `any`
BUCKETS = (
    ROOT,
    *(f"{ANY}/{size}" for size in SIZES),
    *(f"{encoding}/{size}" for encoding in ENCODINGS for size in SIZES),
)


@dataclass(frozen=True, slots=True)
class Conditions:
    """native_px: side of the face crop in the upload's pixels, 0 = unknown; encoding: one of ENCODINGS, or "any";
    crop_px: side that the crop is brought to.

    Raises ValueError for another encoding.
    """

    native_px: int
    encoding: str = ANY
    crop_px: int = CROP_PX

    def __post_init__(self) -> None:
        if self.encoding != ANY and self.encoding not in ENCODINGS:
            raise ValueError(f"unknown encoding {self.encoding!r}: one of {', '.join((ANY, *ENCODINGS))}")

    @property
    def bucket(self) -> str:
        """The key of the finest bucket; the root where the size is unknown or below the smallest band."""
        sizes = [size for size in SIZES if size <= self.native_px]
        if not sizes:
            return ROOT
        encoding = self.encoding if self.native_px < encoding_counts_below(self.crop_px) else ANY
        return f"{encoding}/{sizes[-1]}"


UNKNOWN = Conditions(0)


def encoding_counts_below(crop_px: int) -> int:
    """The native side in px from which on an encoding has no bucket: shrinking twofold and more hides its traces.

    Crops that were kept smaller than THE recipe's are brought to its side.
    """
    return 2 * max(CROP_PX, crop_px)


def lineage(bucket: str) -> tuple[str, ...]:
    """A bucket and its parents, finest first: `jpeg90/112` → `any/112` → `any`. Raises ValueError for no bucket."""
    if bucket not in BUCKETS:
        raise ValueError(f"unknown bucket {bucket!r}")
    encoding, _, size = bucket.partition("/")
    finer = (bucket,) if encoding != ANY else ()
    return (*finer, *((f"{ANY}/{size}",) if size else ()), ROOT)


def size_band(bucket: str) -> tuple[int, int | None]:
    """[low, high) of the native sizes of a bucket below the root, in px; None where there is no upper bound."""
    low = int(bucket.partition("/")[2])
    above = [size for size in SIZES if size > low]
    return low, above[0] if above else None
