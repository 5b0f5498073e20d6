"""The formulas of method.md, transcribed line by line in numpy float64, against the implementation on a tiny case."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from deepfake_guard.detector.flow import Coupling, FastFlow
from deepfake_guard.detector.gaussian import Gaussian, pool
from deepfake_guard.detector.signals.likelihood import layer_nll
from deepfake_guard.detector.training.averages import averages

Array = NDArray[np.float64]
SHAPES = ((4, 3, 3), (5, 2, 2))  # an even and an odd number of channels
SIDE, STEPS, K, N, SEED = 6, 4, 5, 60, 3


def pictures(count: int, seed: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, SIDE, SIDE, 3), dtype=np.uint8)


def maps(images: NDArray[np.uint8], layer: int) -> Array:
    """The frozen backbone's stand-in: a fixed map of the pixels, [n, C, H, W]."""
    shape = SHAPES[layer]
    weight = np.random.default_rng(100 + layer).normal(size=(SIDE * SIDE * 3, math.prod(shape)))
    made: Array = np.tanh((images.reshape(len(images), -1) / 255 - 0.5) @ weight)
    return made.reshape(-1, *shape)


def pooled(z: Array, pooling: str) -> Array:
    """Variants (method.md): `flatten` is the mean over the width, `mean_std` twice the channels."""
    ways: dict[str, Array] = {
        "mean": z.mean(axis=(2, 3)),
        "max": z.max(axis=(2, 3)),
        "mean_std": np.concatenate([z.mean(axis=(2, 3)), z.std(axis=(2, 3))], axis=1),
        "flatten": z.mean(axis=3).reshape(len(z), -1),
        "full_flatten": z.reshape(len(z), -1),
    }
    return ways[pooling]


def drawn_averages(pool_of: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Stage A: draw K without replacement, average pixel by pixel, quantise to 8 bit; N times."""
    rng = np.random.default_rng(SEED)
    made = []
    for _ in range(N):
        total = np.zeros(pool_of.shape[1:])
        for at in rng.choice(len(pool_of), K, replace=False):
            total += pool_of[at]
        made.append(np.rint(total / K).astype(np.uint8))
    return np.stack(made)


def convolved(x: Array, weight: Array, bias: Array) -> Array:
    """ "same" convolution, place by place."""
    height, width = x.shape[2:]
    reach = weight.shape[2] // 2
    padded = np.pad(x, ((0, 0), (0, 0), (reach, reach), (reach, reach)))
    out = np.empty((len(x), len(weight), height, width))
    for row in range(height):
        for column in range(width):
            seen = padded[:, :, row : row + weight.shape[2], column : column + weight.shape[3]]
            out[:, :, row, column] = np.einsum("nchw,ochw->no", seen, weight) + bias
    return out


def stepped(x: Array, step: Coupling) -> tuple[Array, Array]:
    """One coupling block of stage B: [n, C, H, W] -> the same, log|det J| [n]."""
    weights = {name: value.detach().numpy() for name, value in step.state_dict().items()}
    channels, places = x.shape[1], x.shape[2] * x.shape[3]
    first, second = x[:, : channels - channels // 2], x[:, channels - channels // 2 :]
    hidden = np.maximum(convolved(first, weights["subnet.0.weight"], weights["subnet.0.bias"]), 0)
    output = 0.1 * convolved(hidden, weights["subnet.2.weight"], weights["subnet.2.bias"])
    log_scale, shift = 2 * np.tanh(output[:, : channels // 2]), output[:, channels // 2 :]
    moved = np.concatenate([first, second * np.exp(log_scale) + shift], axis=1)
    scale = 0.1 * np.log1p(np.exp(0.5 * weights["global_scale"])) / 0.5  # softplus with beta 0.5
    log_det = log_scale.sum(axis=(1, 2, 3)) + places * np.log(scale).sum()
    permuted = np.zeros((channels, channels))
    permuted[np.arange(channels), weights["permutation"]] = 1  # as the published code has it: a C x C matrix
    return np.einsum("oc,nchw->nohw", permuted, moved * scale + weights["offset"]), log_det


def flowed(x: Array, flow: FastFlow) -> tuple[Array, Array]:
    """LayerNorm over [C, H, W] with affine, then the steps; log|det J| of the steps."""
    norm = {name: value.detach().numpy() for name, value in flow.state_dict().items() if name.startswith("norm")}
    mean, variance = (getattr(x, of)(axis=(1, 2, 3), keepdims=True) for of in ("mean", "var"))
    z = (x - mean) / np.sqrt(variance + 1e-5) * norm["norm.weight"] + norm["norm.bias"]
    log_det = np.zeros(len(x))
    for step in flow.couplings:
        assert isinstance(step, Coupling)
        z, part = stepped(z, step)
        log_det += part
    return z, log_det


def published_nll(x: Array, flow: FastFlow, averaged: Array, pooling: str) -> Array:
    """½ (u - µ*)ᵀ Σ*⁻¹ (u - µ*) - log|det J|, by the explicit inverse."""
    u_star = pooled(averaged, pooling)
    mean = u_star.mean(axis=0)
    covariance = (u_star - mean).T @ (u_star - mean) / N + 1e-6 * np.eye(u_star.shape[1])
    z, log_det = flowed(x, flow)
    away = pooled(z, pooling) - mean
    nll: Array = 0.5 * np.einsum("nd,de,ne->n", away, np.linalg.inv(covariance), away) - log_det
    return nll


def trained(layer: int) -> FastFlow:
    """A flow whose parameters have moved from their start."""
    flow = FastFlow(SHAPES[layer], STEPS, seed=layer).double()
    generator = torch.Generator().manual_seed(layer)
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return flow


def test_the_averages_are_those_of_stage_a() -> None:
    pool_of = pictures(40, seed=1)
    assert np.array_equal(averages(pool_of, SEED, K, N), drawn_averages(pool_of))


@pytest.mark.parametrize("pooling", ["mean", "max", "mean_std", "flatten", "full_flatten"])
def test_a_score_is_the_mean_over_layers_of_the_published_nll(pooling: str) -> None:
    pool_of, faces = pictures(40, seed=1), pictures(3, seed=2)
    averaged = averages(pool_of, SEED, K, N)
    ours, theirs = [], []
    for layer in range(len(SHAPES)):
        flow = trained(layer)
        theirs.append(published_nll(maps(faces, layer), flow, maps(drawn_averages(pool_of), layer), pooling))
        gaussian = Gaussian.fit(pool(torch.from_numpy(maps(averaged, layer)), pooling), torch.float64)
        assert float(gaussian.reg) == pytest.approx(1e-6)
        nll, _ = layer_nll(flow, gaussian, torch.from_numpy(maps(faces, layer)), pooling, "published")
        ours.append(nll.detach().numpy())
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    np.testing.assert_allclose(np.mean(ours, axis=0), np.mean(theirs, axis=0), rtol=1e-6)


def test_the_published_loss_is_its_log1p() -> None:
    averaged, faces = maps(averages(pictures(40, seed=1), SEED, K, N), 0), maps(pictures(3, seed=2), 0)
    flow, gaussian = trained(0), Gaussian.fit(pool(torch.from_numpy(averaged), "flatten"), torch.float64)
    nll, _ = layer_nll(flow, gaussian, torch.from_numpy(faces), "flatten", "published-log1p")
    expected = np.log1p(published_nll(faces, flow, averaged, "flatten"))
    np.testing.assert_allclose(nll.detach().numpy(), expected, rtol=1e-6)
