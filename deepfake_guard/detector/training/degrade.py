"""What platforms do to pictures: shrink, blur a little, compress. Pillow and a seeded generator."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter


def encode(picture: Image.Image, form: str, quality: int) -> Image.Image:
    """Through JPEG (4:2:0) or WebP at a quality of 1..100 and back, RGB."""
    stream = io.BytesIO()
    picture.save(stream, form, quality=quality)
    return Image.open(stream).convert("RGB")


def shrink(picture: Image.Image, side: int) -> Image.Image:
    """Down to `side` px (Lanczos) and back up (bilinear), as a small upload is brought to the network's input."""
    small = picture.resize((side, side), Image.Resampling.LANCZOS)
    return small.resize(picture.size, Image.Resampling.BILINEAR)


def as_uploaded(crop: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """One crop uint8 [s, s, 3] as a platform might hand it on, same shape.

    Half are mirrored; half are shrunk to 0.5–1 of their side; a quarter are blurred (radius up to 1 px);
    all are compressed, four in five as JPEG (quality 50–95), the others as WebP (50–90).
    """
    picture = Image.fromarray(crop)
    if rng.random() < 0.5:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if rng.random() < 0.5:
        picture = shrink(picture, round(picture.width * rng.uniform(0.5, 1.0)))
    if rng.random() < 0.25:
        picture = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.2, 1.0)))
    if rng.random() < 0.8:
        return np.asarray(encode(picture, "JPEG", int(rng.integers(50, 96))))
    return np.asarray(encode(picture, "WEBP", int(rng.integers(50, 91))))
