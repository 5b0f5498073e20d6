"""What platforms do to pictures: shrink, blur a little, compress. Pillow and a seeded generator."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from ..faces import crop as by_recipe
from ..records import CROP_PX, BoundingBox

# Least and greatest quality of an upload's encoding, each drawn as likely; below 30 nobody posts faces
QUALITIES = {"jpeg90": (90, 100), "jpeg70": (70, 89), "jpeg0": (30, 69), "webp": (50, 95)}


def encode(picture: Image.Image, form: str, quality: int) -> Image.Image:
    """Through JPEG (4:2:0) or WebP at a quality of 1..100 and back, RGB."""
    stream = io.BytesIO()
    picture.save(stream, form, quality=quality)
    return Image.open(stream).convert("RGB")


def shrink(picture: Image.Image, side: int) -> Image.Image:
    """Down to `side` px (Lanczos) and back up (bilinear), as a small upload is brought to the network's input."""
    small = picture.resize((side, side), Image.Resampling.LANCZOS)
    return small.resize(picture.size, Image.Resampling.BILINEAR)


def for_tuning(crop: NDArray[np.uint8], rng: np.random.Generator, patch: int) -> NDArray[np.uint8]:
    """One crop uint8 [s, s, 3] -> uint8 [patch, patch, 3], the same for both labels of a comparison.

    Mirrored, recoloured, set on a flat ground, shrunk, blurred, noisy, JPEG 40–95 or WebP, and a random place of it.
    """
    picture = crop
    if rng.random() < 0.5:
        picture = picture[:, ::-1]
    if rng.random() < 0.15:
        picture = on_flat_ground(picture, rng)
    if rng.random() < 0.5:
        picture = recoloured(picture, rng)
    image = Image.fromarray(np.ascontiguousarray(picture))
    if rng.random() < 0.5:
        image = shrink(image, round(image.width * rng.uniform(0.4, 1.0)))
    if rng.random() < 0.2:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.2, 1.2)))
    if rng.random() < 0.15:
        noisy = np.asarray(image, dtype=np.float32) + rng.normal(0, rng.uniform(1, 6), (*image.size, 3))
        image = Image.fromarray(np.clip(np.rint(noisy), 0, 255).astype(np.uint8))
    form = "JPEG" if rng.random() < 0.8 else "WEBP"
    if rng.random() < 0.85:
        image = encode(image, form, int(rng.integers(40, 96)))
    left, top = rng.integers(0, image.width - patch + 1, 2)
    return np.asarray(image)[top : top + patch, left : left + patch]


def recoloured(crop: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Contrast, brightness, gamma, white balance and saturation a little off; uint8 [s, s, 3] -> the same."""
    gamma, gains = rng.uniform(0.8, 1.25), rng.uniform(0.92, 1.08, 3)
    saturation, contrast, light = rng.uniform(0.5, 1.3), rng.uniform(0.75, 1.25), rng.uniform(-0.08, 0.08)
    curve = (np.arange(256) / 255) ** gamma  # a table of 256: the same for every pixel, and much the slowest part
    pixels = np.stack([(curve * gain).astype(np.float32)[crop[..., at]] for at, gain in enumerate(gains)], axis=2)
    grey = pixels.mean(axis=2, keepdims=True)
    shift = grey.mean() * (1 - contrast) + light  # the mean of all pixels is that of their greys
    pixels *= 255 * saturation * contrast
    pixels += 255 * ((1 - saturation) * contrast * grey + shift)
    return np.asarray(np.clip(np.rint(pixels), 0, 255), dtype=np.uint8)


def on_flat_ground(crop: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """All but an ellipse around the face becomes one colour, as in studio pictures; uint8 [s, s, 3] -> the same."""
    side = crop.shape[0]
    y, x = np.mgrid[0:side, 0:side].astype(np.float32) / side - 0.5
    wide, high = rng.uniform(0.33, 0.45), rng.uniform(0.42, 0.55)
    distance = np.hypot(x / wide, (y - 0.02) / high)
    inside = np.clip((1.0 - distance) / rng.uniform(0.02, 0.2) + 0.5, 0, 1)[..., None]
    level = rng.uniform(0, 255) if rng.random() < 0.7 else 255.0
    ground = level + rng.normal(0, 4, 3)
    return np.asarray(np.clip(np.rint(crop * inside + ground * (1 - inside)), 0, 255), dtype=np.uint8)


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


def uploaded(crop: NDArray[np.uint8], side: int, encoding: str, rng: np.random.Generator) -> NDArray[np.uint8]:
    """One crop uint8 [s, s, 3] as it arrives from an upload in which the face's square is `side` px wide, brought to
    uint8 [224, 224, 3] by THE recipe, or to the crop's own size where that is more. Larger than the crop, the face is
    encoded at the crop's size.

    encoding: a key of QUALITIES, or "lossless": not degraded further.
    """
    side, px = min(side, crop.shape[0]), max(CROP_PX, crop.shape[0])
    if encoding == "lossless" and side == px:
        return crop
    picture = Image.fromarray(crop)
    if side < picture.width:
        picture = picture.resize((side, side), Image.Resampling.LANCZOS)
    pixels = np.asarray(picture)
    if encoding != "lossless":
        low, high = QUALITIES[encoding]
        pixels = off_grid(pixels, "WEBP" if encoding == "webp" else "JPEG", int(rng.integers(low, high + 1)), rng)
    return by_recipe(pixels, BoundingBox(0, 0, side, side), px)


def off_grid(pixels: NDArray[np.uint8], form: str, quality: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Encoded with a margin in front of it, as a crop out of an upload does not start where its 16 px blocks do."""
    top, left = (int(offset) for offset in rng.integers(0, 16, 2))
    padded = np.pad(pixels, ((top, 0), (left, 0), (0, 0)), mode="edge")
    return np.asarray(encode(Image.fromarray(padded), form, quality))[top:, left:]
