"""A decoded picture for people who look closely: its pixels untouched, and three views of what eyes miss.

Nothing here judges: each view is one fixed function of the pixels, so that two pictures can be compared by eye.
What they show and do not show: docs/moderators.md.
"""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deepfake_guard.detector.media import shrunk
from deepfake_guard.detector.records import Derived

Pixels = NDArray[np.uint8]

WEBP_SIDE = 16_383  # the format's own limit; longer pictures are kept as PNG
JPEG_SIDE = 65_500  # libjpeg's
ENHANCED_PX = 4096
ERROR_QUALITY, ERROR_GAIN = 90, 16
RESIDUAL_GAIN = 8
CONTRAST_LIMIT, CONTRAST_TILES = 3.0, (8, 8)


def views(rgb: Pixels) -> Iterator[Derived]:
    """uint8 [H, W, 3], upright → `inspect`, `contrast`, `error_level`, `residual`; one at a time, for their memory."""
    yield untouched(rgb)
    for kind, made in (("contrast", contrast), ("error_level", error_level), ("residual", residual)):
        yield _enhanced(kind, made(rgb))


def untouched(rgb: Pixels) -> Derived:
    """Lossless: decoding it gives `rgb` again, bit by bit; nothing else of the upload is in it."""
    height, width = rgb.shape[:2]
    buffer = io.BytesIO()
    form = "WEBP" if max(height, width) <= WEBP_SIDE else "PNG"
    options = {"lossless": True, "quality": 25, "method": 0} if form == "WEBP" else {"compress_level": 3}
    Image.fromarray(rgb).save(buffer, form, **options)
    return Derived("inspect", None, Image.MIME[form], width, height, buffer.getvalue())


def contrast(rgb: Pixels) -> Pixels:
    """Local contrast of the lightness evened out (CLAHE: Zuiderveld, Graphics Gems IV, 1994)."""
    import cv2

    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB)
    lab[..., 0] = cv2.createCLAHE(CONTRAST_LIMIT, CONTRAST_TILES).apply(np.ascontiguousarray(lab[..., 0]))
    return np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), dtype=np.uint8)


def error_level(rgb: Pixels) -> Pixels:
    """How much each pixel changes when the picture is saved as JPEG once more (Krawetz, 2007), × 16. A picture
    that is longer than a JPEG may be is shrunk to 65,500 px first."""
    rgb = shrunk(rgb, JPEG_SIDE)
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=ERROR_QUALITY)
    again = np.asarray(Image.open(buffer).convert("RGB"))
    moved = np.where(rgb > again, rgb - again, again - rgb)  # both unsigned
    return np.asarray(np.minimum(moved, 255 // ERROR_GAIN) * ERROR_GAIN, dtype=np.uint8)


def residual(rgb: Pixels) -> Pixels:
    """The lightness less its median over 3 × 3 pixels, × 8 around middle grey: noise, and where it is missing."""
    import cv2

    light = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    rest = light.astype(np.int16) - cv2.medianBlur(light, 3)
    return np.asarray(np.clip(128 + RESIDUAL_GAIN * rest, 0, 255), dtype=np.uint8)


def _enhanced(kind: str, pixels: Pixels) -> Derived:
    pixels = shrunk(pixels, ENHANCED_PX)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "WEBP", quality=90, method=0)
    return Derived(kind, None, "image/webp", pixels.shape[1], pixels.shape[0], buffer.getvalue())
