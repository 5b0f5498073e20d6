"""The signal: NLLs that are densities where they say so, and places that sum to them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from deepfake_guard.detector.features import Backbone
from deepfake_guard.detector.flow import Coupling, FastFlow, FlowSettings
from deepfake_guard.detector.gaussian import POOLINGS, Gaussian, Mixture, pool, pooled_width
from deepfake_guard.detector.signals.likelihood import OBJECTIVES, layer_nll
from deepfake_guard.detector.signals.muflow import MuFlow, Settings
from deepfake_guard.detector.signals.patches import Patches
from deepfake_guard.detector.signals.places import energy, energy_places, floor

from .artefacts import jacobian_of, noise_crops, random_model

SHAPE = (4, 3, 2)


def layer(pooling: str) -> tuple[FastFlow, Gaussian]:
    """A float64 layer whose parameters have moved from their start."""
    flow = FastFlow(SHAPE, 4, seed=1).double()
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    averages = torch.randn(40, pooled_width(SHAPE, pooling), generator=generator, dtype=torch.float64)
    return flow, Gaussian.fit(averages).double()


def features(count: int = 3) -> torch.Tensor:
    return torch.randn(count, *SHAPE, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


@pytest.mark.parametrize("pooling", ["mean", "flatten"])
def test_published_is_half_mahalanobis_minus_log_determinant(pooling: str) -> None:
    flow, gaussian = layer(pooling)
    z, log_det = flow(features())
    expected = 0.5 * gaussian.mahalanobis(pool(z, pooling)) - log_det.sum((1, 2))
    nll, _ = layer_nll(flow, gaussian, features(), pooling, "published")
    torch.testing.assert_close(nll, expected)
    logged, _ = layer_nll(flow, gaussian, features(), pooling, "published-log1p")
    torch.testing.assert_close(logged, torch.log1p(expected.clamp_min(0)))


@pytest.mark.parametrize("pooling", ["mean", "flatten"])
def test_density_is_the_change_of_variables_from_one_gaussian_of_all_of_z(pooling: str) -> None:
    """Oracle: the full covariance in z, written out, and the Jacobian by autograd."""
    flow, gaussian = layer(pooling)
    x = flow.standardise(features(1))
    size = math.prod(SHAPE)
    averaging = torch.stack([pool(basis.view(1, *SHAPE), pooling)[0] for basis in torch.eye(size).double()], dim=1)
    members = size // averaging.shape[0]
    onto_pooled = averaging.T * members**0.5  # orthonormal columns
    covariance = gaussian.basis @ gaussian.variance.diag() @ gaussian.basis.T
    covariance = (covariance + gaussian.reg * torch.eye(len(covariance)).double()) * members
    full = onto_pooled @ covariance @ onto_pooled.T + torch.eye(size).double() - onto_pooled @ onto_pooled.T
    mean = onto_pooled @ (gaussian.mean * members**0.5)
    jacobian = jacobian_of(lambda v: flow.transform(v)[0], x)
    density = torch.distributions.MultivariateNormal(mean, full).log_prob(  # type: ignore[no-untyped-call]
        flow.transform(x)[0].reshape(-1)
    )
    expected = -(density + torch.linalg.slogdet(jacobian).logabsdet) / size
    nll, _ = layer_nll(flow, gaussian, features(1), pooling, "density")
    torch.testing.assert_close(nll[0], expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("pooling", ["max", "mean_std"])
def test_density_is_the_change_of_variables_from_what_pooling_says_of_all_of_z(pooling: str) -> None:
    """Oracle: the density of z from its parts, up to a constant with `mean_std`, and the Jacobian by autograd."""
    flow, gaussian = layer(pooling)
    x = flow.standardise(features(1))
    z = flow.transform(x)[0]
    size, area = math.prod(SHAPE), math.prod(SHAPE[1:])
    if pooling == "max":
        most = z.amax((2, 3))
        full = gaussian.basis @ gaussian.variance.diag() @ gaussian.basis.T
        full = full + gaussian.reg * torch.eye(len(full)).double()
        highest: Any = torch.distributions.MultivariateNormal(gaussian.mean, full)
        below: Any = torch.distributions.HalfNormal(torch.ones(1).double())
        gaps = below.log_prob((most[:, :, None, None] - z)[z < most[:, :, None, None]])
        density = highest.log_prob(most) + gaps.sum() - SHAPE[0] * math.log(area)
    else:
        density = -0.5 * gaussian.mahalanobis(pool(z, pooling))
    jacobian = jacobian_of(lambda v: flow.transform(v)[0], x)
    expected = -(density + torch.linalg.slogdet(jacobian).logabsdet) / size
    nll, _ = layer_nll(flow, gaussian, features(1), pooling, "density")
    torch.testing.assert_close(nll, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("components", [1, 2])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_a_density_has_the_same_integral_whatever_the_flow(pooling: str, components: int) -> None:
    """One, but with `mean_std`, whose constant only the Gaussian knows: no training makes a likelihood of nothing."""
    shape, size, wide = (2, 3, 1), 6, 2.5
    averages = torch.randn(40, pooled_width(shape, pooling), generator=torch.Generator().manual_seed(2)).double()
    gaussian = (Gaussian.fit(averages) if components == 1 else Mixture.fit(averages, components)).double()
    uniform = torch.quasirandom.SobolEngine(size, scramble=True, seed=3).draw(2**17).double()  # type: ignore[no-untyped-call]
    x = wide * math.sqrt(2) * torch.erfinv(2 * uniform.clamp(1e-9, 1 - 1e-9) - 1)
    drawn = -0.5 * (x / wide).square().sum(1) - size * math.log(wide * math.sqrt(2 * math.pi))
    integrals = []
    for seed in (1, 2):
        flow = FastFlow(shape, FlowSettings(2, layer_norm=False), seed).double()
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for parameter in flow.parameters():
                parameter.add_(0.2 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
            nll, _ = layer_nll(flow, gaussian, x.view(-1, *shape), pooling, "density")
        integrals.append(float(torch.exp(-size * nll - drawn).mean()))
    assert integrals[0] == pytest.approx(integrals[1], rel=0.02)
    if pooling != "mean_std":
        assert integrals[0] == pytest.approx(1, rel=0.02)


@pytest.mark.parametrize("objective", ["published", "density"])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_the_places_of_a_face_sum_to_its_nll(pooling: str, objective: str) -> None:
    flow, gaussian = layer(pooling)
    nll, places = layer_nll(flow, gaussian, features(), pooling, objective)
    torch.testing.assert_close(places.sum((1, 2)), nll)


def test_expanding_what_pooling_removes_pays_with_published_and_costs_with_density() -> None:
    """It lowers `published` for ever: why `density` is what the starter is trained by."""
    flow, gaussian = layer("mean")
    flow.requires_grad_(False)
    before = {name: float(layer_nll(flow, gaussian, features(), "mean", name)[0].mean()) for name in OBJECTIVES}
    with torch.no_grad():
        for coupling in flow.couplings:
            assert isinstance(coupling, Coupling)
            assert coupling.global_scale is not None
            coupling.global_scale.add_(6.0)
    # the pooled part is put back to where it was, so only the remainder has grown
    z, _ = flow(features())
    moved = Gaussian(pool(z, "mean").mean(0), gaussian.basis, gaussian.variance * 1e6, gaussian.reg)
    after = {name: float(layer_nll(flow, moved, features(), "mean", name)[0].mean()) for name in OBJECTIVES}
    assert after["published"] < before["published"]
    assert after["density"] > before["density"]


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_total_is_the_mean_over_layers(objective: str) -> None:
    model = random_model(Settings(input_px=32, steps=2, objective=objective))
    scores = model.score(noise_crops(3))
    assert scores.layers.shape == (3, 3)
    np.testing.assert_allclose(scores.total, scores.layers.mean(axis=1))
    assert [part.shape for part in scores.maps] == [(3, 8, 8), (3, 4, 4), (3, 2, 2)]


def test_a_face_scores_the_same_alone_and_among_others() -> None:
    model = random_model(Settings(input_px=32, steps=2, pooling="mean", objective="density"))
    crops = noise_crops(37)  # more than one batch
    together = model.score(crops).total
    alone = np.concatenate([model.score(crops[at : at + 1]).total for at in range(37)])
    np.testing.assert_allclose(together, alone, rtol=1e-5)


def test_no_crop_gives_no_score() -> None:
    assert random_model(Settings(input_px=32, steps=1)).score(noise_crops(0)).total.shape == (0,)


@pytest.mark.parametrize(
    "crops", [np.zeros((1, 8, 8, 3)), np.zeros((8, 8, 3), np.uint8), np.zeros((1, 8, 8, 4), np.uint8)]
)
def test_what_is_no_crop_is_refused(crops: np.ndarray) -> None:
    with pytest.raises(ValueError, match="crops must be uint8"):
        random_model(Settings(input_px=32, steps=1)).score(crops)


def test_an_unknown_objective_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown objective"):
        Settings(objective="guess")


@pytest.mark.parametrize("patches", [None, Patches(count=3)], ids=["v1", "v2"])
def test_features_made_once_serve_scores_and_pooled_statistics(patches: Patches | None) -> None:
    model = random_model(Settings(input_px=32, steps=1, pooling="mean", objective="density", patches=patches))
    crops = noise_crops(3)
    with torch.inference_mode():
        stages = model.features(torch.from_numpy(crops).permute(0, 3, 1, 2))
    np.testing.assert_allclose(model.score_features(stages).total, model.score(crops).total, rtol=1e-6)
    pooled = model.pooled(stages)
    np.testing.assert_allclose(pooled, model.pooled(crops), rtol=1e-5)
    assert pooled.dtype == np.float32
    views = len(stages[0]) // 3
    np.testing.assert_allclose(pooled[:, :24], stages[0].mean((2, 3)).view(3, views, 24).mean(1), rtol=1e-4)
    assert model.pooled(crops[:0]).shape == (0, pooled.shape[1])


@pytest.mark.parametrize("components", [1, 2])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_published_places_sum_for_every_pooling_and_mixture(pooling: str, components: int) -> None:
    flow, _ = layer("mean")
    width = pooled_width(SHAPE, pooling)
    drawn = torch.randn(60, width, generator=torch.Generator().manual_seed(7), dtype=torch.float64)
    halves = torch.nn.functional.one_hot(torch.arange(60) % components, components).double()
    mixture = Mixture.fit(drawn, components, responsibilities=halves, dtype=torch.float64)
    nll, places = layer_nll(flow, mixture, features(), pooling, "published")
    torch.testing.assert_close(places.sum((1, 2)), nll)
    z, log_det = flow(features())
    constant = mixture.negative_log_density(pool(z, pooling)) - (nll + log_det.sum((1, 2)))
    torch.testing.assert_close(constant, constant[:1].expand(3))
    torch.testing.assert_close(constant[0], floor(mixture))
    fused = layer_nll(flow, mixture, features(), pooling, "published", fused=True)
    torch.testing.assert_close(fused, (nll, places))


def test_a_mixture_of_one_is_the_gaussian() -> None:
    flow, gaussian = layer("flatten")
    one = Mixture(torch.ones(1, dtype=torch.float64), [gaussian])
    for objective in OBJECTIVES:
        found, expected = (layer_nll(flow, given, features(), "flatten", objective) for given in (one, gaussian))
        torch.testing.assert_close(found, expected)


def test_a_maximum_belongs_to_where_it_is_reached() -> None:
    z = torch.zeros(1, 2, 2, 2, dtype=torch.float64)
    z[0, 0, 0, 1], z[0, 1, 1, 0] = 3.0, 1.0
    gaussian = Gaussian.fit(torch.randn(30, 2, generator=torch.Generator().manual_seed(0)), torch.float64)
    gaussian.basis = torch.eye(2, dtype=torch.float64)
    gaussian.variance, gaussian.mean = torch.ones(2, dtype=torch.float64), torch.zeros(2, dtype=torch.float64)
    pooled = pool(z, "max")
    places = energy_places(gaussian, z, pooled, "max", *energy(gaussian, pooled))
    torch.testing.assert_close(
        places[0], torch.tensor([[0.0, 4.5], [0.5, 0.0]], dtype=torch.float64), rtol=1e-5, atol=0
    )


def test_half_precision_scores_nearly_the_same() -> None:
    model = random_model(Settings(input_px=32, steps=2, pooling="mean", objective="density"))
    single = model.score(noise_crops(2))
    model.precision = torch.bfloat16
    half = model.score(noise_crops(2))
    assert not np.array_equal(half.total, single.total)
    np.testing.assert_allclose(half.total, single.total, rtol=0.05)


def test_any_backbone_gives_its_own_shapes() -> None:
    backbone = Backbone.random(0, "resnet18")
    settings = Settings(input_px=32, steps=1, pooling="max", kernels="3", objective="published-log1p")
    model = MuFlow.blank(settings, [3, [2, 2], 3], backbone)
    assert model.shapes == ((64, 8, 8), (128, 4, 4), (256, 2, 2))
    assert np.isfinite(model.score(noise_crops(1)).total).all()
