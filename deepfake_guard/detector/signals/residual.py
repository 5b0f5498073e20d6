"""Residual and spectrum statistics of a face crop, and how unusual they are together among genuine faces.

Cameras leave noise, colour filters and compression behind; generators leave their up-sampling. Three kinds of numbers
see that without a network: co-occurrences of a quantised noise residual (Fridrich & Kodovský, IEEE TIFS 2012), the
radial power spectrum with its peaks (Durall et al., arXiv 2003.01826), and how the channels' residuals correlate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from .base import Pixels, Scores, Seen
from .density import ShrunkGaussian

Floats = NDArray[np.float32]
LEVELS = 2  # residuals are cut to -2 … 2 quantisation steps
STEP = 2.0  # one step, in 8-bit units
RINGS = 24
BLOCK = 16  # px, side of the blocks whose noise is compared
PERIODS = (8, 4, 2)  # px: of JPEG blocks, and of what up-sampling leaves


@dataclass(frozen=True, eq=False, slots=True)
class Residual:
    """A shrunk Gaussian of `statistics`; the key is `residual`."""

    gaussian: ShrunkGaussian

    @classmethod
    def fit(cls, genuine: Seen) -> Self:
        return cls(ShrunkGaussian.fit(statistics(genuine.crops)))

    @property
    def name(self) -> str:
        return "residual"

    def score(self, faces: Seen) -> Scores:
        """Root mean square Mahalanobis distance a number, float64 [n]; about 1 for a usual face."""
        if not len(faces):
            return np.zeros(0)
        return self.gaussian.distance(statistics(faces.crops))

    def tensors(self) -> dict[str, NDArray[np.float32]]:
        return dict(self.gaussian.tensors())

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, NDArray[Any]]) -> Self:
        return cls(ShrunkGaussian.from_tensors(tensors))

    def describe(self) -> str:
        return (
            "How unusual the picture's fine noise, its spectrum and its colour noise are together; high is unlike "
            "what cameras and platforms leave, low is smoother than usual."
        )


def statistics(crops: Pixels) -> Floats:
    """Crops uint8 [n, s, s, 3], s >= 64 -> float32 [n, d]; what each number is, `_of` says."""
    if crops.dtype != np.uint8 or crops.ndim != 4 or crops.shape[3] != 3 or min(crops.shape[1:3]) < 64:
        raise ValueError(f"crops must be uint8 [n, s, s, 3] with s >= 64, got {crops.dtype} {crops.shape}")
    return np.stack([_of(crop.astype(np.float32)) for crop in crops])


def _of(crop: Floats) -> Floats:
    """One crop float32 [s, s, 3] -> float32 [d]."""
    luma = np.asarray(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), np.float32)
    across, down = _second_difference(luma), _second_difference(np.ascontiguousarray(luma.T))
    laplacian = np.asarray(cv2.Laplacian(crop, cv2.CV_32F, ksize=1)[1:-1, 1:-1], np.float32)
    return np.concatenate([
        _co_occurrence(across, down), _spectrum(luma), _noise(across, down, luma), _colours(laplacian),
    ])  # fmt: skip


def _second_difference(luma: Floats) -> Floats:
    return np.asarray(luma[:, :-2] - 2 * luma[:, 1:-1] + luma[:, 2:])


@cache
def _pairs() -> NDArray[np.intp]:
    """Number of the class of each pair (a, b) of levels: swapped and negated pairs count as one; [(2L + 1)²]."""
    pairs = list(product(range(-LEVELS, LEVELS + 1), repeat=2))
    named = [min((a, b), (b, a), (-a, -b), (-b, -a)) for a, b in pairs]
    order = sorted(set(named))
    return np.array([order.index(name) for name in named])


def _co_occurrence(across: Floats, down: Floats) -> Floats:
    """Log shares of quantised pairs of neighbours along the residual's direction [9], then beside it [9]."""
    side = 2 * LEVELS + 1
    counts = np.zeros((2, side * side), np.int64)
    for residual in (across, down):
        levels = (np.clip(residual * np.float32(1 / STEP), -LEVELS, LEVELS) + np.float32(LEVELS + 0.5)).astype(np.uint8)
        scaled = levels * np.uint8(side)
        for at, pairs in enumerate((scaled[:, :-1] + levels[:, 1:], scaled[:-1] + levels[1:])):
            counts[at] += np.bincount(pairs.ravel(), minlength=side * side)
    shares = np.stack([np.bincount(_pairs(), weights=each) / each.sum() for each in counts])
    return np.log(shares + 1e-4).astype(np.float32).ravel()


@cache
def _rings(height: int, width: int) -> tuple[Floats, NDArray[np.intp], NDArray[np.float64]]:
    """For the half plane of rfft2: Hann window; bin of each frequency, that is twice its ring (RINGS: beyond Nyquist),
    plus one where it lies nearer to an axis than to a diagonal; and the bins' sizes."""
    window = np.outer(np.hanning(height), np.hanning(width)).astype(np.float32)
    y, x = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    ring = np.minimum((np.hypot(y, x) * 2 * RINGS).astype(np.intp), RINGS)
    axial = np.abs(np.abs(np.arctan2(y, x)) % (np.pi / 2) - np.pi / 4) > np.pi / 8
    bins = (2 * ring + axial).ravel()
    return window, bins, np.maximum(np.bincount(bins, minlength=2 * RINGS + 2), 1).astype(np.float64)


def _spectrum(luma: Floats) -> Floats:
    """Log power by ring against their mean [24 + 1], axes against diagonals above half of Nyquist [1], and how much
    power on the axes stands out at each period [3]."""
    window, bins, sizes = _rings(*luma.shape)
    waves = cv2.dft((luma - luma.mean()) * window, flags=cv2.DFT_COMPLEX_OUTPUT)[:, : luma.shape[1] // 2 + 1]
    power = np.square(waves[..., 0]) + np.square(waves[..., 1])
    sums = np.bincount(bins, weights=power.ravel(), minlength=sizes.size).reshape(-1, 2)
    counts = sizes.reshape(-1, 2)
    by_ring = np.log(sums.sum(1) / counts.sum(1) + 1e-3)
    off, on = (sums[RINGS // 2 : RINGS].sum(0) / counts[RINGS // 2 : RINGS].sum(0)) + 1e-3
    peaks = [np.mean([_stands_out(line, period) for line in _axes(power)]) for period in PERIODS]
    return np.concatenate([by_ring - by_ring[1:].mean(), [np.log(on / off)], peaks]).astype(np.float32)


def _axes(power: Floats) -> tuple[Floats, Floats]:
    """Log power along each axis, of the three lines nearest to it: down [s // 2 + 1] and across [s // 2 + 1]."""
    half = power.shape[0] // 2 + 1
    return np.log(power[:half, :2].sum(1) + 1e-3), np.log(power[[0, 1, -1]].sum(0) + 1e-3)


def _stands_out(line: Floats, period: int) -> float:
    """Log power at a period (px) over the middle one of its surroundings."""
    at = round(2 * (len(line) - 1) / period)
    around = np.sort(np.concatenate([line[max(0, at - 8) : max(0, at - 2)], line[at + 3 : at + 9]]))
    return float(line[max(0, at - 1) : at + 2].max() - around[len(around) // 2])


def _noise(across: Floats, down: Floats, luma: Floats) -> Floats:
    """Of the luma's residual: log deviation [1], kurtosis [2], autocorrelation at 1–4 and 8 px [5], how its deviation
    differs between blocks [4] and with brightness [2]."""
    deviation = np.float32(across.std() + 1e-3)
    squares = [np.square(residual) for residual in (across, down)]
    tails = [np.log(np.mean(np.square(each)) + 1e-3) - 2 * np.log(np.mean(each) + 1e-3) for each in squares]
    flat = across.ravel()  # the few pairs across a row's end do not matter
    lags = [np.dot(flat[:-lag], flat[lag:]) / flat.size / deviation**2 for lag in (1, 2, 3, 4, 8)]
    blocks = np.log(_blocks(squares[0]).mean(1) + 1e-2) / 2
    light = _blocks(luma[:, 1:-1]).mean(1)
    low, high = np.quantile(light, (0.33, 0.67))
    by_light = [blocks[light <= low].mean() - blocks.mean(), blocks[light >= high].mean() - blocks.mean()]
    spread = [blocks.std(), *(np.quantile(blocks, (0.05, 0.5, 0.95)) - np.log(deviation))]
    return np.array([np.log(deviation), *tails, *lags, *spread, *by_light], np.float32)


def _blocks(values: Floats) -> Floats:
    """[h, w] -> [blocks, BLOCK²], what does not fill a block left out."""
    rows, columns = (side // BLOCK for side in values.shape)
    cut = values[: rows * BLOCK, : columns * BLOCK].reshape(rows, BLOCK, columns, BLOCK)
    return cut.swapaxes(1, 2).reshape(rows * columns, -1)


def _colours(laplacian: Floats) -> Floats:
    """Of the channels' residuals [h, w, 3]: Fisher-transformed correlations R–G, R–B, G–B [3], the same of red and blue
    less green [1], log deviations of R and B against G [2] and of the colour differences [2]."""
    flat = laplacian.reshape(-1, 3)
    channels = flat.T @ flat / len(flat) + np.eye(3, dtype=np.float32) * 1e-2  # a Laplacian's mean is about 0
    less_green = np.array([[1, -1, 0], [0, -1, 1]], np.float32)
    differences = less_green @ channels @ less_green.T
    deviations, apart = np.sqrt(np.diag(channels)), np.sqrt(np.diag(differences))
    together = (channels / np.outer(deviations, deviations))[[0, 0, 1], [1, 2, 2]]
    correlations = np.arctanh(np.clip([*together, differences[0, 1] / (apart[0] * apart[1])], -0.9999, 0.9999))
    ratios = np.log([deviations[0] / deviations[1], deviations[2] / deviations[1], *(apart / deviations[1])])
    return np.concatenate([correlations, ratios]).astype(np.float32)
