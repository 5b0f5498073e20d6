"""Pseudo-fakes made from genuine faces alone: nothing here has seen a generator.

Self-blended faces after SBI (Shiohara & Yamasaki, CVPR 2022): the inner face is altered a little and blended back, so
that only seams and statistics that disagree give it away. Some take the inner face of another genuine picture
(Face X-ray, arXiv 1912.13458). `resynthesised` replaces fine texture by what an edge-preserving filter leaves.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]


def self_blend(face: Pixels, rng: np.random.Generator, other: Pixels | None = None) -> Pixels:
    """Crops uint8 [s, s, 3] -> uint8 [s, s, 3]; `other` gives the inner face where it is not None."""
    inner = face if other is None else _in_colours_of(other, face)
    outer = face
    if rng.random() < 0.5:
        inner = _restyled(inner, rng)
    else:
        outer = _restyled(outer, rng)
    inner = _moved(inner, rng)
    mask = _mask(face.shape[0], rng) * rng.choice((0.5, 0.75, 1.0, 1.0, 1.0))
    blended = inner.astype(np.float32) * mask + outer.astype(np.float32) * (1 - mask)
    return np.asarray(np.clip(np.rint(blended), 0, 255), dtype=np.uint8)


def resynthesised(face: Pixels, rng: np.random.Generator) -> Pixels:
    """A crop uint8 [s, s, 3] whose fine texture is smoothed away inside regions and partly sharpened again."""
    if rng.random() < 0.5:
        smooth = cv2.bilateralFilter(face, 0, float(rng.uniform(15, 45)), float(rng.uniform(2, 5)))
    else:
        smooth = cv2.edgePreservingFilter(
            face, flags=1, sigma_s=float(rng.uniform(8, 30)), sigma_r=float(rng.uniform(0.1, 0.3))
        )
    amount = rng.uniform(0.0, 1.5)
    soft = cv2.GaussianBlur(smooth, (0, 0), float(rng.uniform(0.8, 2.0)))
    sharp = np.clip(smooth.astype(np.float32) * (1 + amount) - soft.astype(np.float32) * amount, 0, 255)
    mask = 1.0 if rng.random() < 0.5 else _mask(face.shape[0], rng)
    return np.asarray(np.rint(sharp * mask + face * (1 - mask)), dtype=np.uint8)


def _mask(side: int, rng: np.random.Generator) -> Floats:
    """A soft mask [s, s, 1] in 0..1 over the inner face, or a part of it; crops are centred on the face."""
    mask = np.zeros((side, side), np.float32)
    wide, high = rng.uniform(0.20, 0.36), rng.uniform(0.24, 0.42)
    y = 0.5 + rng.uniform(-0.04, 0.08)
    if rng.random() < 0.25:  # mouth or eyes alone
        high, y = rng.uniform(0.08, 0.16), float(rng.choice((0.42, 0.70)))
    angles = np.linspace(0, 2 * math.pi, 24, endpoint=False)
    radius = 1 + 0.12 * rng.standard_normal(24)
    points = np.stack(
        [0.5 + rng.uniform(-0.04, 0.04) + wide * radius * np.cos(angles), y + high * radius * np.sin(angles)], axis=1
    )
    cv2.fillPoly(mask, [cv2.convexHull(np.rint(points * side).astype(np.int32))], 1.0)
    softness = float(rng.uniform(0.01, 0.06)) * side
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), softness), dtype=np.float32)[..., None]


def _restyled(face: Pixels, rng: np.random.Generator) -> Pixels:
    """Colour, light and sharpness a little off."""
    pixels = face.astype(np.float32)
    pixels = pixels * np.float32(rng.uniform(0.9, 1.1, 3)) + np.float32(rng.uniform(-10, 10, 3))
    grey = pixels.mean()
    pixels = (pixels - grey) * rng.uniform(0.88, 1.12) + grey
    restyled = np.clip(pixels, 0, 255).astype(np.uint8)
    kind = rng.integers(3)
    if kind == 0:
        return np.asarray(cv2.GaussianBlur(restyled, (0, 0), float(rng.uniform(0.4, 1.3))), dtype=np.uint8)
    if kind == 1:
        side = round(face.shape[0] * rng.uniform(0.4, 0.9))
        small = cv2.resize(restyled, (side, side), interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.resize(small, face.shape[1::-1], interpolation=cv2.INTER_CUBIC), dtype=np.uint8)
    soft = cv2.GaussianBlur(restyled, (0, 0), 1.5).astype(np.float32)
    sharp = restyled + rng.uniform(0.2, 1.0) * (restyled.astype(np.float32) - soft)
    return np.asarray(np.clip(sharp, 0, 255), dtype=np.uint8)


def _moved(face: Pixels, rng: np.random.Generator) -> Pixels:
    """Shifted, scaled and turned by a few per cent."""
    side = face.shape[0]
    matrix = cv2.getRotationMatrix2D((side / 2, side / 2), float(rng.uniform(-2, 2)), float(rng.uniform(0.96, 1.05)))
    matrix[:, 2] += rng.uniform(-0.02, 0.02, 2) * side
    return np.asarray(
        cv2.warpAffine(face, matrix, (side, side), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT), dtype=np.uint8
    )


def _in_colours_of(other: Pixels, face: Pixels) -> Pixels:
    """`other` with the channel means and deviations (Lab, middle of the crop) of `face` (Reinhard et al. 2001)."""
    side = face.shape[0]
    middle = slice(side // 4, 3 * side // 4)
    source, target = (cv2.cvtColor(part, cv2.COLOR_RGB2LAB).astype(np.float32) for part in (other, face))
    inner, wanted = source[middle, middle], target[middle, middle]
    scale = np.clip(wanted.std((0, 1)) / (inner.std((0, 1)) + 1e-3), 0.5, 2.0)
    moved = (source - inner.mean((0, 1))) * scale + wanted.mean((0, 1))
    lab = np.clip(np.rint(moved), 0, 255).astype(np.uint8)
    return np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), dtype=np.uint8)
