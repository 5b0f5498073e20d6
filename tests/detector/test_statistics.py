"""The statistics an evaluation states: against their definitions, and resampled by what is independent."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepfake_guard.detector.training import trivial
from deepfake_guard.detector.training.resampling import draw, judge, macro
from deepfake_guard.detector.training.statistics import auc, chance_of_counting, clopper_pearson

scores = st.lists(st.integers(0, 6), min_size=2, max_size=15)


def names(kind: str, count: int) -> list[str]:
    return [f"{kind}{at}" for at in range(count)]


@given(scores, scores)
def test_the_auc_is_the_share_of_pairs_in_order(fakes: list[int], genuine: list[int]) -> None:
    pairs = [(f > g) + 0.5 * (f == g) for f in fakes for g in genuine]
    area, low, high = auc(np.asarray(fakes, float), np.asarray(genuine, float))
    assert area == pytest.approx(sum(pairs) / len(pairs))
    assert 0 <= low <= area + 1e-9
    assert area - 1e-9 <= high <= 1


@given(st.integers(1, 80), st.data())
def test_the_interval_leaves_two_and_a_half_percent_in_each_tail(n: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, n))
    low, high = clopper_pearson(hits, n)

    def tail(counts: range, rate: float) -> float:
        return sum(math.comb(n, k) * rate**k * (1 - rate) ** (n - k) for k in counts)

    assert low <= hits / n <= high
    assert low == 0 if hits == 0 else tail(range(hits, n + 1), low) == pytest.approx(0.025, rel=1e-6)
    assert high == 1 if hits == n else tail(range(hits + 1), high) == pytest.approx(0.025, rel=1e-6)


@given(scores, scores)
@settings(deadline=None)
def test_every_figure_agrees_with_its_definition(fakes: list[int], genuine: list[int]) -> None:
    drawn = draw(names("f", len(fakes)), names("g", len(genuine)), draws=3)
    found = judge(np.asarray(fakes, float), np.asarray(genuine, float), drawn)
    assert found.auc[0] == pytest.approx(auc(np.asarray(fakes, float), np.asarray(genuine, float))[0])
    precise = [sum(f >= s for f in fakes) / (sum(f >= s for f in fakes) + sum(g >= s for g in genuine)) for s in fakes]
    assert found.ap[0] == pytest.approx(sum(precise) / len(fakes))
    for level, share in found.caught.items():
        allowed = [t for t in genuine if sum(g > t for g in genuine) <= level * len(genuine)]
        assert share[0] == pytest.approx(sum(f > min(allowed) for f in fakes) / len(fakes))


def test_average_precision_is_scikit_learns() -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="the extra `train` is not installed")
    rng = np.random.default_rng(0)
    fakes, genuine = np.round(rng.normal(1, 1, 60), 1), np.round(rng.normal(0, 1, 90), 1)
    found = judge(fakes, genuine, draw(names("f", 60), names("g", 90), draws=2))
    labels = np.repeat([1, 0], [60, 90])
    assert found.ap[0] == pytest.approx(metrics.average_precision_score(labels, np.concatenate([fakes, genuine])))


def test_a_draw_counted_in_weights_is_the_sample_it_stands_for() -> None:
    rng = np.random.default_rng(1)
    fakes, genuine = rng.normal(0.5, 1, 20), rng.normal(0, 1, 30)
    drawn = draw(names("f", 20), names("g", 30), draws=4)
    found = judge(fakes, genuine, drawn)
    for at in range(1, 5):
        again = (np.repeat(fakes, drawn.fakes[at].astype(int)), np.repeat(genuine, drawn.genuine[at].astype(int)))
        assert found.auc[at] == pytest.approx(auc(*again)[0])


def test_faces_of_one_unit_are_drawn_together() -> None:
    people = ["a", "a", "b", "c", "c", "c"]
    drawn = draw(people, names("g", 5), draws=50).fakes
    assert np.array_equal(drawn[:, 0], drawn[:, 1])
    assert np.array_equal(drawn[:, 3], drawn[:, 5])
    assert set((drawn[1:, 0] + drawn[1:, 2] + drawn[1:, 3]).tolist()) == {3.0}  # as many units as there are


def test_both_halves_of_a_pair_are_drawn_together() -> None:
    pairs = names("pair", 12)
    drawn = draw(pairs[::-1], [*pairs, "single"], draws=40)
    assert np.array_equal(drawn.fakes[:, ::-1], drawn.genuine[:, :12])


def test_groups_of_fakes_share_the_genuine_faces_drawn_and_nothing_else() -> None:
    first, second = (draw(names(kind, 9), names("g", 9), stream, draws=20) for stream, kind in enumerate("ab"))
    assert np.array_equal(first.genuine, second.genuine)
    assert not np.array_equal(first.fakes, second.fakes)


def test_few_independent_people_widen_the_interval() -> None:
    rng = np.random.default_rng(2)
    person = np.repeat(rng.normal(1, 1, 10), 20)
    fakes, genuine = person + rng.normal(0, 0.1, 200), rng.normal(0, 1, 100)
    alone = judge(fakes, genuine, draw(names("f", 200), names("g", 100), draws=300)).stated()
    persons = [f"p{at // 20}" for at in range(200)]
    together = judge(fakes, genuine, draw(persons, names("g", 100), draws=300)).stated()
    assert alone["auc"] == together["auc"]
    assert np.ptp(together["auc_interval"]) > 1.5 * np.ptp(alone["auc_interval"])


def test_a_macro_is_the_mean_with_an_interval_around_it() -> None:
    rng = np.random.default_rng(3)
    genuine = rng.normal(0, 1, 80)
    ones = [judge(rng.normal(shift, 1, 40), genuine, draw(names("f", 40), names("g", 80), at, draws=200))
            for at, shift in enumerate((0.2, 1.0))]  # fmt: skip
    mean = macro(ones)
    assert mean is not None
    assert mean["auc"] == pytest.approx((ones[0].auc[0] + ones[1].auc[0]) / 2, abs=1e-4)
    assert mean["auc_interval"][0] < mean["auc"] < mean["auc_interval"][1]
    assert macro([]) is None


def test_blocks_of_jpeg_raise_the_blockiness_and_a_flat_ground_lowers_the_border() -> None:
    rng = np.random.default_rng(4)
    noise = rng.integers(100, 120, (64, 64, 3), dtype=np.uint8)
    blocky = np.kron(rng.integers(0, 255, (8, 8, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    flat = noise.copy()
    flat[:8], flat[-8:], flat[:, :8], flat[:, -8:] = 110, 110, 110, 110
    place = dict(zip(trivial.NAMES, range(len(trivial.NAMES)), strict=True))
    plain = trivial.statistics(noise)
    assert len(plain) == len(trivial.NAMES)
    assert trivial.statistics(blocky)[place["blockiness"]] > 2 * plain[place["blockiness"]]
    assert trivial.statistics(flat)[place["border"]] < plain[place["border"]]


def test_trivial_statistics_tell_dark_from_bright_and_nothing_from_nothing() -> None:
    pytest.importorskip("sklearn", reason="the extra `train` is not installed")
    rng = np.random.default_rng(5)
    first, second = rng.normal(0, 1, (60, 7)), rng.normal(0, 1, (60, 7))
    same, apart = trivial.baseline(first, second), trivial.baseline(first + np.eye(7)[0] * 4, second)
    assert same is not None
    assert apart is not None
    assert abs(same - 0.5) < 0.2
    assert apart > 0.95
    assert trivial.baseline(first[:3], second) is None


@pytest.mark.parametrize(("n", "level"), [(99, 0.05), (200, 0.01), (700, 0.2), (5, 0.5)])
def test_what_counting_leaves_open_is_where_the_true_share_lies_in_95_of_100_calibrations(n: int, level: float) -> None:
    low, high = chance_of_counting(level, n)
    scores = np.sort(np.random.default_rng(n).uniform(size=(4000, n)), axis=1)
    k = int(level * (n + 1) + 1e-9)
    shares = 1 - scores[:, n - k]  # of uniform scores above the k-th largest: those with p <= k/(n + 1)
    assert np.mean((shares >= low) & (shares <= high)) == pytest.approx(0.95, abs=0.015)


def test_a_level_below_the_least_p_value_is_never_reached() -> None:
    assert chance_of_counting(0.01, 50) == (0.0, 0.0)
