"""Face crops that were cut and stored before: brought to the detector as an upload that shows as much is brought."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .faces import Pixels, crop
from .records import CROP_PX, BoundingBox


def detail_px(side: int, native_px: int = 0) -> int:
    """The side in px that a stored crop of `side` px had in its picture, as far as the crop still shows it.

    native_px: what the index says, 0: unknown, then the crop's own. A crop kept smaller than THE recipe makes it has
    lost the rest: its pixels are all there is, whatever it was cut from. One that was enlarged shows no more for it.
    """
    if not native_px:
        return side
    return native_px if side >= CROP_PX else min(native_px, side)


def as_crop(rgb: Pixels, px: int = CROP_PX, native_px: int = 0) -> Pixels:
    """A picture that is a face crop already: as it is when 224 px (px) square, else its middle square by THE recipe,
    first shrunk to `native_px` (0: unknown) where it was enlarged to be stored → uint8 [px, px, 3]."""
    height, width = rgb.shape[:2]
    if height == width == px:
        return rgb
    side = min(height, width)
    square = BoundingBox((width - side) // 2, (height - side) // 2, side, side)
    if 0 < native_px < side:
        rgb, square = _shrunk(rgb, square, native_px), BoundingBox(0, 0, native_px, native_px)
    return crop(rgb, square, px)


def brought(crops: Pixels, native_px: Sequence[int]) -> tuple[Pixels, list[int]]:
    """Stored crops uint8 [n, s, s, 3] and the sides they were cut at [n] (0: unknown) → as they are scored, uint8
    [n, 224, 224, 3] (s where that is more), and the side each counts as, in px [n]."""
    own = crops.shape[1]
    sides = [detail_px(own, int(native)) for native in native_px]
    if own >= CROP_PX:
        return crops, sides
    made = np.empty((len(crops), CROP_PX, CROP_PX, 3), np.uint8)
    for at, side in enumerate(sides):
        made[at] = as_crop(crops[at], CROP_PX, side)
    return made, sides


def _shrunk(rgb: Pixels, square: BoundingBox, side: int) -> Pixels:
    from PIL import Image

    left, top, width = int(square.x), int(square.y), int(square.width)
    cut = Image.fromarray(np.ascontiguousarray(rgb[top : top + width, left : left + width]))
    return np.asarray(cut.resize((side, side), Image.Resampling.LANCZOS))
