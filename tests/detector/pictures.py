"""Pictures for tests: the public-domain portrait that scikit-image ships, and what is made of it. No fixture files."""

from __future__ import annotations

import io
import struct
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from skimage import data

FACE = (178, 63, 90, 113)  # where the portrait's face is: x, y, width, height (YuNet, and by eye)


@cache
def portrait(side: int = 512) -> Image.Image:
    """The astronaut Eileen Collins, NASA; 512 px square, one face."""
    picture = Image.fromarray(data.astronaut())  # type: ignore[no-untyped-call]
    return picture if side == 512 else picture.resize((side, side), Image.Resampling.LANCZOS)


@cache
def portraits() -> tuple[Image.Image, Image.Image]:
    """`portrait`, and Grace Hopper (US Navy, public domain), which matplotlib ships; one face each."""
    import matplotlib

    hopper = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    return portrait(), Image.open(hopper).convert("RGB")


@cache
def coffee() -> Image.Image:
    """A cup: no face."""
    return Image.fromarray(data.coffee())  # type: ignore[no-untyped-call]


def rgb(picture: Image.Image) -> np.ndarray:
    """uint8 [H, W, 3]."""
    return np.asarray(picture.convert("RGB"))


def saved(path: Path, picture: Image.Image, form: str | None = None, **options: Any) -> Path:
    """Write it; the format is the suffix's unless named."""
    picture.save(path, form, **options)
    return path


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def oriented(value: int) -> Image.Exif:
    """EXIF with an orientation (CIPA DC-008)."""
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


def png(width: int, height: int, pixels: bytes = b"", colour: int = 0) -> bytes:
    """A PNG by hand (W3C PNG, 3rd edition), so that its header can promise anything. colour: 0 grey, 2 RGB."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def bomb(width: int, height: int) -> bytes:
    """A small file that is a black picture of that size: a decompression bomb."""
    squeezed, row = zlib.compressobj(1), bytes(width + 1)
    return png(width, height, b"".join(squeezed.compress(row) for _ in range(height)) + squeezed.flush())


def encoded(picture: Image.Image, form: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, form, **options)
    return stream.getvalue()


@cache
def cpu_bomb() -> bytes:
    """A JPEG of 90 KB that takes many seconds: its last scan a thousand times (libjpeg-turbo's LJT-01-004)."""
    whole = encoded(Image.new("L", (4000, 4000)), "JPEG", progressive=True)
    scan = whole.rindex(b"\xff\xda")
    return whole[:scan] + whole[scan:-2] * 1000 + whole[-2:]
