"""The Mahalanobis distance through the factor equals the one through an explicit inverse."""

from __future__ import annotations

import pytest
import torch

from deepfake_guard.detector.gaussian import Gaussian, pool, pooled_width, spread


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
    assert float((gaussian.solve(x) - exact).norm() / exact.norm()) < 1e-5


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


@pytest.mark.parametrize(("pooling", "width"), [("mean", 3), ("flatten", 12)])
def test_pooling_keeps_what_its_name_says(pooling: str, width: int) -> None:
    maps = torch.arange(2 * 3 * 4 * 5.0).view(2, 3, 4, 5)
    pooled = pool(maps, pooling)
    assert pooled.shape == (2, width) == (2, pooled_width((3, 4, 5), pooling))
    remainder = maps - spread(pooled, (3, 4, 5), pooling)
    torch.testing.assert_close(pool(remainder, pooling), torch.zeros(2, width), atol=1e-5, rtol=0)


def test_an_unknown_pooling_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown pooling"):
        pool(torch.zeros(1, 2, 2, 2), "median")
