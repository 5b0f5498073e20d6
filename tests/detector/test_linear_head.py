"""Linear heads: they tell generators apart, weigh sources alike, and learn from few decisions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from deepfake_guard.detector.heads.linear import GENUINE, METHODS, LinearHead, balanced

WIDTH = 16
pytest.importorskip("sklearn", reason="scikit-learn is only installed for training")


def drawn(counts: dict[str, int], seed: int = 0) -> tuple[np.ndarray, list[str]]:
    """Features [n, 16] and names: genuine around 0, each generator pushed along an axis of its own."""
    rng, axes = np.random.default_rng(seed), {"genuine": None, "GAN": 2, "diffusion": 7, "swap": 11}
    features, names = [], []
    for name, count in counts.items():
        part = rng.normal(size=(count, WIDTH))
        if (axis := axes[name]) is not None:
            part[:, axis] += 4
        features.append(part)
        names += [name] * count
    return np.concatenate(features).astype(np.float32), names


@pytest.fixture(scope="module", params=METHODS)
def head(request: pytest.FixtureRequest) -> LinearHead:
    return LinearHead.fit(*drawn({"genuine": 200, "GAN": 80, "diffusion": 120}), method=request.param)


def test_it_tells_what_it_knows_from_genuine(head: LinearHead) -> None:
    features, names = drawn({"genuine": 100, "GAN": 100, "diffusion": 100}, 1)
    fake = np.array(names) != GENUINE
    scores = head.score(features)
    assert np.mean(scores[fake][:, None] > scores[~fake]) > 0.95
    assert np.mean(scores[fake] > 0) > 0.85
    assert np.mean(scores[~fake] < 0) > 0.85


def test_each_generator_has_a_line_of_its_own(head: LinearHead) -> None:
    features, names = drawn({"genuine": 100, "GAN": 100, "diffusion": 100}, 1)
    assert head.generators == ("GAN", "diffusion")
    scores, named = head.scores(features), np.array(names)
    assert scores.shape == (300, 3)
    for column, name in enumerate(head.generators, start=1):
        assert np.mean(scores[named == name, column] > 0) > 0.9
        assert np.mean(scores[named == GENUINE, column] < 0) > 0.9
        assert np.mean(scores[named == name].argmax(1) == column) > 0.5
    np.testing.assert_array_equal(scores[:, 0], head.score(features))


def test_lda_is_fishers_line_with_a_shrunk_covariance() -> None:
    """Oracle: scikit-learn's, on classes of one size, where weights play no part."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    features, names = drawn({"genuine": 150, "GAN": 150})
    head = LinearHead.fit(features, names, method="lda", strength=0.0)
    oracle = LinearDiscriminantAnalysis(solver="lsqr").fit(features, np.array(names) != GENUINE)
    np.testing.assert_allclose(head.score(features), oracle.decision_function(features), rtol=1e-4, atol=1e-4)
    all_alike = LinearHead.fit(features, names, method="lda", strength=1.0)
    standard = (features - all_alike.mean) / all_alike.scale
    means = [standard[np.array(names) == name].mean(0) for name in ("genuine", "GAN")]
    apart = means[1] - means[0]  # with equal variances the line runs through both means
    np.testing.assert_allclose(
        all_alike.weights[0] / np.linalg.norm(all_alike.weights[0]), apart / np.linalg.norm(apart), atol=1e-5
    )


def test_logistic_is_where_the_ridged_loss_has_no_slope() -> None:
    features, names = drawn({"genuine": 120, "GAN": 40})
    fake = np.array(names) != GENUINE
    head, ridge = LinearHead.fit(features, names, strength=0.2), 0.2
    weights = balanced(fake, np.array(names), np.ones(len(names)))
    standard = (features - head.mean) / head.scale
    residual = weights * (1 / (1 + np.exp(-head.score(features))) - fake) / weights.sum()
    np.testing.assert_allclose(residual @ standard + ridge * head.weights[0], 0, atol=1e-3)
    assert residual.sum() == pytest.approx(0, abs=1e-3)


def test_it_scores_the_same_after_an_artefact(head: LinearHead) -> None:
    features, _ = drawn({"genuine": 9}, 2)
    again = LinearHead.from_tensors(head.tensors(), head.generators)
    np.testing.assert_array_equal(again.scores(features), head.scores(features))


def test_half_an_artefact_is_refused(head: LinearHead) -> None:
    for name in head.tensors():
        with pytest.raises(ValueError, match="lacks"):
            LinearHead.from_tensors({k: v for k, v in head.tensors().items() if k != name}, head.generators)
    with pytest.raises(ValueError, match="fit together"):
        LinearHead.from_tensors(head.tensors(), ("GAN",))
    with pytest.raises(ValueError, match="16 features a face"):
        head.score(np.zeros((1, 3), np.float32))


def test_ten_decisions_teach_it_a_generator() -> None:
    """What moderators decided: names and how sure they were."""
    features, names = drawn({"genuine": 200, "swap": 10}, 3)
    head = LinearHead.fit(features, names, weights=np.where(np.array(names) == "swap", 0.7, 1.0))
    new, named = drawn({"genuine": 100, "swap": 100}, 4)
    assert np.mean((head.score(new) > 0) == (np.array(named) == "swap")) > 0.9
    assert np.array_equal(head.weights[0], head.weights[1])


@pytest.mark.parametrize("method", METHODS)
def test_a_decision_of_weight_zero_teaches_nothing(method: str) -> None:
    features, names = drawn({"genuine": 60, "GAN": 40, "swap": 20}, 5)
    sure = np.where(np.array(names) == "swap", 0.0, 1.0)
    with_zeros = LinearHead.fit(features, names, weights=sure, method=method)
    without = LinearHead.fit(features[sure > 0], [name for name in names if name != "swap"], method=method)
    assert with_zeros.generators == without.generators == ("GAN",)
    np.testing.assert_allclose(with_zeros.score(features), without.score(features), rtol=1e-3, atol=1e-3)


def test_labels_and_sources_weigh_alike_whatever_their_counts() -> None:
    fake = np.array([False] * 6 + [True] * 3)
    sources = np.array(["a"] * 5 + ["b"] + ["c", "d", "d"])
    weights = balanced(fake, sources, np.ones(9))
    assert weights.sum() == pytest.approx(9)
    for source in "abcd":
        assert weights[sources == source].sum() == pytest.approx(9 / 4)


@pytest.mark.parametrize("method", METHODS)
def test_a_large_source_does_not_outvote_a_small_one(method: str) -> None:
    """Genuine faces of a small source that resemble fakes pull the line as much as a large source does."""
    rng = np.random.default_rng(6)
    large, small = rng.normal(0, 1, (400, 4)), rng.normal((3, 0, 0, 0), 1, (20, 4))
    fakes = rng.normal((3, 3, 0, 0), 1, (100, 4))
    features, names = np.concatenate([large, small, fakes]), ["genuine"] * 420 + ["GAN"] * 100
    alike = LinearHead.fit(features, names, sources=["l"] * 400 + ["s"] * 20 + ["f"] * 100, method=method)
    pooled = LinearHead.fit(features, names, method=method)
    new = rng.normal((3, 0, 0, 0), 1, (500, 4))
    assert np.mean(alike.score(new) > 0) < np.mean(pooled.score(new) > 0)


@pytest.mark.parametrize(
    ("names", "options", "said"),
    [
        (["genuine"] * 4, {}, "at least one generator"),
        (["GAN"] * 4, {}, "needs genuine"),
        (["genuine", "GAN"], {}, "one length"),
        (["genuine", "genuine", "GAN", "GAN"], {"method": "guess"}, "unknown method"),
        (["genuine", "genuine", "GAN", "GAN"], {"weights": np.array([1, 1, -1, 1])}, "not negative"),
        (["genuine", "genuine", "GAN", "GAN"], {"method": "lda", "strength": 2.0}, "shrinkage"),
    ],
)
def test_what_cannot_be_learnt_from_is_refused(names: list[str], options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        LinearHead.fit(np.random.default_rng(0).normal(size=(4, 3)), names, **options)


def test_it_names_the_generators_it_knows(head: LinearHead) -> None:
    assert "GAN, diffusion" in head.describe()
