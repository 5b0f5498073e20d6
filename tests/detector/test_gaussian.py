"""The Mahalanobis distance through the factor equals the one through an explicit inverse."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from deepfake_guard.detector.gaussian import (
    LINEAR_POOLINGS,
    POOLINGS,
    Gaussian,
    Mixture,
    factor,
    mixture,
    pool,
    pooled_width,
    span,
    spread,
)


def samples(count: int, width: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(width, width, generator=generator, dtype=torch.float64)
    return torch.randn(count, width, generator=generator, dtype=torch.float64) @ mixing + 2


@pytest.mark.parametrize(("count", "width"), [(200, 12), (9, 12)], ids=["full rank", "fewer samples than dimensions"])
def test_it_agrees_with_an_explicit_inverse(count: int, width: int) -> None:
    drawn = samples(count, width)
    gaussian = Gaussian.fit(drawn).double()
    centred = drawn - drawn.mean(0)
    covariance = centred.T @ centred / count + float(gaussian.reg) * torch.eye(width, dtype=torch.float64)
    # inside the span: beside it only reg counts, and there the float32 storage of the basis decides
    points = drawn.mean(0) + torch.randn(5, count, dtype=torch.float64) @ centred
    away = points - drawn.mean(0)
    inverse = torch.linalg.inv(covariance)
    expected = torch.einsum("nd,de,ne->n", away, inverse, away)
    torch.testing.assert_close(gaussian.mahalanobis(points), expected, rtol=1e-3, atol=1e-6)
    assert float(gaussian.log_det()) == pytest.approx(float(torch.linalg.slogdet(covariance).logabsdet), rel=1e-4)


def test_it_solves_with_the_covariance() -> None:
    gaussian = Gaussian.fit(samples(6, 10)).double()
    covariance = gaussian.basis @ gaussian.variance.diag() @ gaussian.basis.T
    covariance = covariance + gaussian.reg * torch.eye(10, dtype=torch.float64)
    x = samples(3, 10, seed=2)
    exact = torch.linalg.solve(covariance, x.T).T
    assert float((gaussian.pull(x + gaussian.mean)[0] - exact).norm() / exact.norm()) < 1e-5


def test_its_density_is_that_of_torch() -> None:
    drawn = samples(300, 6)
    gaussian = Gaussian.fit(drawn).double()
    covariance = (drawn - drawn.mean(0)).T @ (drawn - drawn.mean(0)) / 300 + 1e-6 * torch.eye(6, dtype=torch.float64)
    oracle = torch.distributions.MultivariateNormal(drawn.mean(0), covariance)
    expected: torch.Tensor = -oracle.log_prob(drawn[:9])  # type: ignore[no-untyped-call]
    torch.testing.assert_close(gaussian.negative_log_density(drawn[:9]), expected, rtol=1e-4, atol=1e-4)


def test_it_regularises_only_as_far_as_needed() -> None:
    assert float(Gaussian.fit(samples(50, 4)).reg) == pytest.approx(1e-6)
    large = samples(3, 8) * 1e5  # rank 2 of 8: at this size 1e-6 is lost in rounding
    assert 1e-6 < float(Gaussian.fit(large).reg) <= 1.0


def test_it_says_when_no_regularisation_is_enough() -> None:
    with pytest.raises(ValueError, match="not positive definite"):
        Gaussian.fit(samples(3, 8) * 1e9)


def test_it_never_returns_a_negative_distance() -> None:
    gaussian = Gaussian.fit(samples(5, 40))
    assert float(gaussian.mahalanobis(samples(5, 40).float()).min()) >= 0


@pytest.mark.parametrize(("pooling", "width"), [("mean", 3), ("flatten", 12), ("full_flatten", 60)])
def test_pooling_keeps_what_its_name_says(pooling: str, width: int) -> None:
    maps = torch.arange(2 * 3 * 4 * 5.0).view(2, 3, 4, 5)
    pooled = pool(maps, pooling)
    assert pooled.shape == (2, width) == (2, pooled_width((3, 4, 5), pooling))
    remainder = maps - spread(pooled, (3, 4, 5), pooling)
    torch.testing.assert_close(pool(remainder, pooling), torch.zeros(2, width), atol=1e-5, rtol=0)


def test_an_unknown_pooling_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown pooling"):
        pool(torch.zeros(1, 2, 2, 2), "median")


def test_above_the_dual_limit_the_fit_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = samples(15, 40)
    direct = Gaussian.fit(drawn, torch.float64)
    monkeypatch.setattr(factor, "DUAL_ABOVE", 39)
    dual = Gaussian.fit(drawn, torch.float64)
    assert dual.basis.shape == direct.basis.shape == (40, 14)
    torch.testing.assert_close(dual.basis.T @ dual.basis, torch.eye(14, dtype=torch.float64), atol=1e-12, rtol=0)
    torch.testing.assert_close(covariance_of(dual), covariance_of(direct), atol=1e-10, rtol=1e-10)
    inside = drawn[:5] + 0.3 * (drawn[5:10] - drawn[:5])
    torch.testing.assert_close(dual.mahalanobis(inside), direct.mahalanobis(inside), rtol=1e-6, atol=1e-6)


def test_above_the_limit_the_mean_squared_distance_of_the_samples_is_their_rank() -> None:
    drawn = torch.randn(12, span.DUAL_ABOVE + 1, generator=torch.Generator().manual_seed(1))
    gaussian = Gaussian.fit(drawn, torch.float64)
    assert gaussian.basis.shape == (span.DUAL_ABOVE + 1, 11)
    assert float(gaussian.mahalanobis(drawn.double()).mean()) == pytest.approx(11, rel=1e-6)


def test_it_regularises_more_above_the_limit_where_less_is_lost_in_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(factor, "DUAL_ABOVE", 7)
    assert float(Gaussian.fit(samples(3, 8)).reg) == pytest.approx(1e-6)
    assert 1e-6 < float(Gaussian.fit(samples(3, 8) * 1e5).reg) <= 1.0
    with pytest.raises(ValueError, match="not positive definite"):
        Gaussian.fit(samples(3, 8) * 1e9)


def covariance_of(gaussian: Gaussian) -> torch.Tensor:
    identity = torch.eye(len(gaussian.mean), dtype=gaussian.mean.dtype)
    return gaussian.basis @ gaussian.variance.diag() @ gaussian.basis.T + gaussian.reg * identity


def groups(count: int, width: int) -> torch.Tensor:
    """Three clouds, overlapping enough that EM has something to do."""
    return torch.cat([samples(count, width, seed) + 6 * seed for seed in range(3)])


@pytest.mark.parametrize("dual", [False, True], ids=["direct", "dual"])
@pytest.mark.parametrize(("count", "width"), [(60, 6), (10, 25)], ids=["many samples", "fewer than dimensions"])
@pytest.mark.parametrize("components", [1, 2, 3])
def test_a_mixture_is_that_of_scikit_learn(
    components: int, count: int, width: int, dual: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    oracle = pytest.importorskip("sklearn.mixture", reason="scikit-learn is only installed for training")
    for module in (factor, mixture):
        monkeypatch.setattr(module, "DUAL_ABOVE", 1 if dual else 4096)
    drawn = groups(count, width)
    ours = Mixture.fit(drawn, components, seed=4, dtype=torch.float64)
    theirs = oracle.GaussianMixture(components, random_state=4, reg_covar=1e-6).fit(drawn.numpy())
    for at, part in enumerate(ours.parts()):
        np.testing.assert_allclose(part.mean.numpy(), theirs.means_[at], rtol=1e-8, atol=1e-9)
        np.testing.assert_allclose(covariance_of(part).numpy(), theirs.covariances_[at], rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(ours.weights.numpy(), theirs.weights_, rtol=1e-9)
    likelihood = -ours.negative_log_density(drawn).numpy()
    np.testing.assert_allclose(likelihood, theirs.score_samples(drawn.numpy()), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(ours.responsibilities(drawn).numpy(), theirs.predict_proba(drawn.numpy()), atol=1e-6)


def test_a_mixture_goes_on_from_the_responsibilities_it_is_given() -> None:
    drawn = groups(30, 4)
    start = torch.nn.functional.one_hot(torch.arange(90) // 30, 3).double()
    found = Mixture.fit(drawn, 3, responsibilities=start, dtype=torch.float64)
    swapped = Mixture.fit(drawn, 3, responsibilities=start.flip(1), dtype=torch.float64)
    torch.testing.assert_close(found.parts()[0].mean, swapped.parts()[2].mean)
    torch.testing.assert_close(found.negative_log_density(drawn), swapped.negative_log_density(drawn))


def test_one_component_is_the_gaussian() -> None:
    drawn = samples(30, 5)
    alone, mixed = Gaussian.fit(drawn), Mixture.fit(drawn, 1)
    assert all(torch.equal(value, mixed.parts()[0].state_dict()[name]) for name, value in alone.state_dict().items())
    points = drawn[:4].float()
    torch.testing.assert_close(mixed.negative_log_density(points), alone.negative_log_density(points))


def test_the_pull_of_a_mixture_is_its_gradient() -> None:
    start = torch.nn.functional.one_hot(torch.arange(90) // 30, 3).double()
    found = Mixture.fit(groups(30, 4), 3, responsibilities=start, dtype=torch.float64)
    points = (groups(30, 4)[::9] + 1).requires_grad_()
    (gradient,) = torch.autograd.grad(found.negative_log_density(points).sum(), points)
    torch.testing.assert_close(found.pull(points), gradient)
    far = torch.full((1, 4), 1e4, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(found.negative_log_density(far).sum(), far)
    assert torch.isfinite(gradient).all()


def test_a_mixture_climbs_the_ladder_and_says_when_it_ends() -> None:
    start = torch.nn.functional.one_hot(torch.arange(9) // 3, 3).double()
    drawn = groups(3, 8)
    assert float(Mixture.fit(drawn, 3, responsibilities=start).parts()[0].reg) == pytest.approx(1e-6)
    assert 1e-6 < float(Mixture.fit(drawn * 3e5, 3, responsibilities=start).parts()[0].reg) <= 1.0
    with pytest.raises(ValueError, match="not positive definite"):
        Mixture.fit(drawn * 1e9, 3, responsibilities=start)
    with pytest.raises(ValueError, match="cannot be 10 components"):
        Mixture.fit(drawn, 10)


def test_a_saved_mixture_loads_into_a_blank_one() -> None:
    start = torch.nn.functional.one_hot(torch.arange(90) // 30, 3).double()
    found = Mixture.fit(groups(30, 4), 3, responsibilities=start)
    blank = Mixture.blank(4, [part.variance.shape[0] for part in found.parts()])
    blank.load_state_dict(found.state_dict(), strict=True)
    points = groups(30, 4)[:5].float()
    assert torch.equal(blank.negative_log_density(points), found.negative_log_density(points))


@pytest.mark.parametrize("pooling", POOLINGS)
def test_every_pooling_has_the_width_it_says_and_a_finite_gradient(pooling: str) -> None:
    maps = torch.randn(2, 3, 4, 5, dtype=torch.float64)
    assert pool(maps, pooling).shape == (2, pooled_width((3, 4, 5), pooling))
    single = torch.ones(1, 3, 1, 1, requires_grad=True)  # its deviation is 0
    pool(single, pooling).sum().backward()  # type: ignore[no-untyped-call]
    assert single.grad is not None
    assert torch.isfinite(single.grad).all()


def test_poolings_are_what_numpy_says() -> None:
    maps = torch.randn(2, 3, 4, 5, dtype=torch.float64)
    array = maps.numpy()
    assert np.array_equal(pool(maps, "max").numpy(), array.max(axis=(2, 3)))
    both = np.concatenate([array.mean(axis=(2, 3)), array.std(axis=(2, 3))], axis=1)
    np.testing.assert_allclose(pool(maps, "mean_std").numpy(), both)
    assert np.array_equal(pool(maps, "full_flatten").numpy(), array.reshape(2, -1))


@pytest.mark.parametrize("pooling", sorted(set(POOLINGS) - set(LINEAR_POOLINGS)))
def test_a_pooling_that_is_no_mean_cannot_be_spread(pooling: str) -> None:
    with pytest.raises(ValueError, match="cannot be spread"):
        spread(torch.zeros(1, 6), (3, 4, 5), pooling)
