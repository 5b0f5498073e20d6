"""Signals on pooled features: what they measure, that they survive an artefact, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

from deepfake_guard.detector.signals.base import Seen, Signal
from deepfake_guard.detector.signals.density import ShrunkGaussian, ledoit_wolf
from deepfake_guard.detector.signals.mahalanobis import Mahalanobis
from deepfake_guard.detector.signals.neighbours import Neighbours
from deepfake_guard.detector.signals.part import Part
from deepfake_guard.detector.signals.residual import Residual
from deepfake_guard.detector.signals.sensitivity import Sensitivity, noisy, turned

WIDTH = 12


def faces(count: int, seed: int = 0, shift: float = 0.0, tuned: bool = True) -> Seen:
    """Correlated features with a common factor; crops of smooth noise."""
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(99).normal(size=(WIDTH, WIDTH))
    features = (rng.normal(size=(count, WIDTH)) @ mixing + 5 + shift).astype(np.float32)
    crops = rng.integers(0, 256, (count, 64, 64, 3), dtype=np.uint8)
    return Seen(crops, features, features[:, ::-1].copy() if tuned else None)


def embed(crops: np.ndarray) -> np.ndarray:
    """A backbone of sorts: fixed random directions of the pixels."""
    directions = np.random.default_rng(5).normal(size=(64 * 64 * 3, WIDTH)).astype(np.float32)
    return (crops.reshape(len(crops), len(directions)).astype(np.float32) / 255 @ directions).astype(np.float32)


def embedded(count: int, seed: int = 0) -> Seen:
    crops = faces(count, seed).crops
    return Seen(crops, embed(crops))


def fitted() -> list[Signal]:
    """One of each, small."""
    genuine = faces(80)
    return [
        Mahalanobis.fit(genuine),
        Mahalanobis.fit(genuine, Part("tuned", 2, 9), rank=3),
        Neighbours.fit(genuine, k=3, dimensions=6),
        Neighbours.fit(genuine, Part("tuned"), k=1, metric="euclidean"),
        Sensitivity.fit(embedded(30), embed=embed),
        Residual.fit(genuine),
    ]


@pytest.mark.parametrize("signal", fitted(), ids=lambda signal: signal.name)
def test_a_signal_scores_the_same_after_an_artefact(signal: Signal) -> None:
    again = type(signal).from_tensors(signal.tensors())
    if isinstance(again, Sensitivity):
        again = again.bind(embed)
    assert again.name == signal.name
    np.testing.assert_allclose(again.score(faces(7, 1)), signal.score(faces(7, 1)), rtol=1e-6)


@pytest.mark.parametrize("signal", fitted(), ids=lambda signal: signal.name)
def test_a_face_scores_the_same_alone_and_among_others(signal: Signal) -> None:
    many = faces(5, 2)
    assert many.tuned is not None
    alone = [
        signal.score(Seen(many.crops[at : at + 1], many.frozen[at : at + 1], many.tuned[at : at + 1]))[0]
        for at in range(5)
    ]
    np.testing.assert_allclose(signal.score(many), alone, rtol=1e-4, atol=1e-6)
    assert signal.score(many).dtype == np.float64


@pytest.mark.parametrize("signal", fitted(), ids=lambda signal: signal.name)
def test_no_face_gives_no_score(signal: Signal) -> None:
    assert signal.score(faces(0)).shape == (0,)


@pytest.mark.parametrize("signal", fitted(), ids=lambda signal: signal.name)
def test_it_says_in_one_sentence_what_it_sees(signal: Signal) -> None:
    said = signal.describe()
    assert said.endswith(".")
    assert said.count(". ") == 0
    assert "confidence" not in said


@pytest.mark.parametrize("signal", fitted(), ids=lambda signal: signal.name)
def test_half_an_artefact_is_refused(signal: Signal) -> None:
    for name in signal.tensors():
        with pytest.raises(ValueError, match=r"lacks|fit together"):
            type(signal).from_tensors({key: value for key, value in signal.tensors().items() if key != name})
    cut = {key: value[:1] if value.ndim == 2 else value for key, value in signal.tensors().items()}
    cut |= {key: value[:-1] for key, value in signal.tensors().items() if key == "mean"}
    with pytest.raises(ValueError, match="fit together"):
        type(signal).from_tensors(cut)


def test_the_key_says_which_backbone_was_read() -> None:
    assert [signal.name for signal in fitted()] == [
        "mahalanobis", "tuned_mahalanobis", "neighbours_cosine", "tuned_neighbours", "sensitivity", "residual",
    ]  # fmt: skip


def test_a_part_of_stages_covers_their_means_and_deviations() -> None:
    assert Part.stages("tuned", (40, 112, 320), 1) == Part("tuned", 80, 944)
    assert Part.stages("frozen", (24, 40, 112), 0, 1) == Part("frozen", 0, 128)
    assert Part.from_tensor(Part("tuned", 80, 944).tensor()) == Part("tuned", 80, 944)
    assert Part.from_tensor(Part().tensor()) == Part()


def test_what_the_faces_lack_is_refused() -> None:
    with pytest.raises(ValueError, match="no tuned features"):
        Part("tuned").of(faces(2, tuned=False))
    with pytest.raises(ValueError, match="no columns"):
        Part("frozen", 4, 40).of(faces(2))
    with pytest.raises(ValueError, match="unknown features"):
        Part("guessed")


def test_the_distance_is_the_mahalanobis_distance_written_out() -> None:
    genuine, others = faces(60), faces(9, 3, shift=2)
    standard = (genuine.frozen - genuine.frozen.mean(0)) / genuine.frozen.std(0)
    covariance, _ = ledoit_wolf(standard.astype(np.float64))
    moved = (others.frozen - genuine.frozen.mean(0)) / genuine.frozen.std(0)
    expected = np.sqrt(np.einsum("nd,de,ne->n", moved, np.linalg.inv(covariance), moved) / WIDTH)
    np.testing.assert_allclose(Mahalanobis.fit(genuine, rank=None).score(others), expected, rtol=1e-4)


def test_a_low_rank_leaves_one_variance_for_all_other_directions() -> None:
    genuine = faces(60).frozen
    whole, thin = ShrunkGaussian.fit(genuine), ShrunkGaussian.fit(genuine, rank=4)
    assert thin.basis.shape == (WIDTH, 4)
    assert thin.rest == pytest.approx(float(whole.variance[4:].mean()), rel=1e-5)
    centred = thin.standardise(genuine)
    along = centred @ thin.basis
    outside = centred - along @ thin.basis.T
    expected = np.sqrt(((along**2 / thin.variance).sum(1) + (outside**2).sum(1) / thin.rest) / WIDTH)
    np.testing.assert_allclose(thin.distance(genuine), expected, rtol=1e-4)


def test_the_shrinkage_is_that_of_ledoit_and_wolf() -> None:
    covariance = pytest.importorskip("sklearn.covariance", reason="scikit-learn is only installed for training")
    samples = faces(25).frozen.astype(np.float64)
    centred = samples - samples.mean(0)
    ours, shrinkage = ledoit_wolf(centred)
    theirs, expected = covariance.ledoit_wolf(centred, assume_centered=True)
    assert shrinkage == pytest.approx(expected)
    np.testing.assert_allclose(ours, theirs)


def test_a_column_that_never_moves_does_no_harm() -> None:
    genuine = faces(40)
    genuine.frozen[:, 3] = 7.0
    for signal in (Mahalanobis.fit(genuine), Neighbours.fit(genuine)):
        assert np.all(np.isfinite(signal.score(genuine)))


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_neighbours_are_the_nearest_by_brute_force(metric: str) -> None:
    genuine, others = faces(50), faces(300, 4)  # more than one block
    signal = Neighbours.fit(genuine, k=4, metric=metric, dimensions=WIDTH)
    bank, moved = ((each.frozen - signal.mean) / signal.scale @ signal.basis for each in (genuine, others))
    if metric == "cosine":
        bank, moved = (each / np.linalg.norm(each, axis=1, keepdims=True) for each in (bank, moved))
        distances = 1 - moved @ bank.T
    else:
        distances = np.linalg.norm(moved[:, None] - bank[None], axis=2) / np.sqrt(WIDTH)
    expected = np.sort(distances, axis=1)[:, :4].mean(1)
    np.testing.assert_allclose(signal.score(others), expected, rtol=2e-2, atol=2e-3)  # the bank is float16


def test_stranger_faces_score_higher() -> None:
    genuine = faces(200)
    for signal in (Mahalanobis.fit(genuine), Neighbours.fit(genuine, metric="euclidean")):
        assert signal.score(faces(50, 5, shift=30)).min() > np.quantile(signal.score(faces(50, 6)), 0.9)


def test_a_neighbours_artefact_stays_small() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(2600, 224)).astype(np.float32)
    signal = Neighbours.fit(Seen(np.zeros((2600, 1, 1, 3), np.uint8), features))
    assert sum(tensor.nbytes for tensor in signal.tensors().values()) < 1_000_000


def test_settings_that_mean_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="neighbours among"):
        Neighbours.fit(faces(5), k=5)
    with pytest.raises(ValueError, match="unknown metric"):
        Neighbours.fit(faces(5), metric="taxi")
    with pytest.raises(ValueError, match="perturbs nothing"):
        Sensitivity.fit(faces(5), sigma=0)
    with pytest.raises(ValueError, match="at least two"):
        Mahalanobis.fit(faces(1))


def test_sensitivity_is_the_turn_between_a_face_and_its_noisy_copy() -> None:
    genuine, few = embedded(30), embedded(4, 1)
    signal = Sensitivity.fit(genuine, sigma=6.0, embed=embed)
    after = embed(noisy(few.crops, 6.0, 0))
    before, after = ((each - signal.mean) / signal.scale for each in (few.frozen, after))
    cosine = (before * after).sum(1) / np.linalg.norm(before, axis=1) / np.linalg.norm(after, axis=1)
    np.testing.assert_allclose(signal.score(few), 1 - cosine, atol=1e-5)
    assert np.all(Sensitivity.fit(genuine, sigma=20.0, embed=embed).score(few) > signal.score(few))
    np.testing.assert_allclose(turned(before, before), 0, atol=1e-6)


def test_sensitivity_without_a_backbone_says_so() -> None:
    with pytest.raises(RuntimeError, match="bind"):
        Sensitivity.fit(faces(5)).score(faces(2))
