"""bytes → RGB frames, through the decoder; and frames → the re-encoded pictures that people may see."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deepfake_guard.detector.decoder import Decoder, DecodeRefused, Picture
from deepfake_guard.detector.records import Derived

Pixels = NDArray[np.uint8]

FINGERPRINT_QUALITY = 50  # of 100; below it PDQ matches pictures that are not alike
FINGERPRINT_PX = 512  # as PDQ's reference does first: a quarter of the time on a megapixel, 6 bits (median) other
THUMBNAIL_PX, VIEW_PX = 320, 2048
WEBP_EFFORT = 2  # of 0 to 6: a third less time than the usual 4 for 3 % more bytes
VIDEO_BRANDS = frozenset(b"isom iso2 iso4 iso5 iso6 mp41 mp42 avc1 dash MSNV 3gp4 3gp5".split()) | {b"M4V ", b"qt  "}
MATROSKA = b"\x1a\x45\xdf\xa3"


def is_video(head: bytes) -> bool:
    """By the first 16 bytes: an ISO base media file with a video brand (ISO/IEC 14496-12), or Matroska/WebM."""
    return head.startswith(MATROSKA) or (head[4:8] == b"ftyp" and head[8:12] in VIDEO_BRANDS)


def read(path: Path, decoder: Decoder) -> Picture:
    """The upright first frame. Raises DecodeRefused (also `video_not_enabled`), DecoderKilled or OSError."""
    with path.open("rb") as stream:
        if is_video(stream.read(16)):
            raise DecodeRefused("video_not_enabled", "videos are not screened yet")
    return decoder.decode(path)


def shrunk(rgb: Pixels, side: int) -> Pixels:
    """At most `side` px on the longer side, by averaging areas; never enlarged."""
    import cv2

    height, width = rgb.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return rgb
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def fingerprint(rgb: Pixels) -> str:
    """The picture's PDQ hash, 64 hex digits: near copies differ in at most 31 of its 256 bits. Empty where the picture
    has too little in it to tell (quality under 50), or where pdqhash is not installed.

    PDQ: Facebook, "The TMK+PDQF video-hashing algorithm and the PDQ image-hashing algorithm", 2019.
    """
    try:
        import pdqhash  # of the extra `worker`; a screen without it only cannot gather campaigns
    except ImportError:
        return ""
    bits, quality = pdqhash.compute(np.ascontiguousarray(shrunk(rgb, FINGERPRINT_PX)))
    return np.packbits(np.asarray(bits, dtype=np.uint8)).tobytes().hex() if quality >= FINGERPRINT_QUALITY else ""


def thumbnail(rgb: Pixels) -> Derived:
    return _encoded("thumbnail", None, shrunk(rgb, THUMBNAIL_PX), "WEBP", quality=80, method=WEBP_EFFORT)


def view(rgb: Pixels) -> Derived:
    """For looking at: at most 2048 px on the longer side, never enlarged."""
    return _encoded("view", None, shrunk(rgb, VIEW_PX), "JPEG", quality=92)


def face(crop: Pixels, index: int) -> Derived:
    return _encoded("face", index, crop, "JPEG", quality=92)


def _encoded(kind: str, index: int | None, pixels: Pixels, form: str, **options: int) -> Derived:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, form, **options)
    return Derived(kind, index, Image.MIME[form], pixels.shape[1], pixels.shape[0], buffer.getvalue())
