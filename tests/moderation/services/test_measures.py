"""Each statistic against a library that has it, on frozen data, and where none has it against a published example."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats  # type: ignore[import-untyped]
from sklearn.metrics import cohen_kappa_score

from moderation.services.quality import measures

relaxed = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
WORDS = ("synthetic", "altered", "genuine", "cannot_tell")
PAIRS = [("synthetic", "synthetic")] * 20 + [("synthetic", "genuine")] * 5 + [("genuine", "synthetic")] * 10
PAIRS += [("genuine", "genuine")] * 15
# Fleiss (1971), as worked through in many texts: ten items, fourteen answers each, five categories; kappa = 0.210
FLEISS = (
    (0, 0, 0, 0, 14), (0, 2, 6, 4, 2), (0, 0, 3, 5, 6), (0, 3, 9, 2, 0), (2, 2, 8, 1, 1),
    (7, 7, 0, 0, 0), (3, 2, 6, 3, 0), (2, 5, 3, 2, 2), (6, 5, 2, 1, 0), (0, 2, 2, 3, 7),
)  # fmt: skip


@relaxed
@given(st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_an_interval_of_a_rate_is_that_of_scipy(drawn: tuple[int, int]) -> None:
    count, n = drawn
    expected = stats.binomtest(count, n).proportion_ci(0.95, "exact")
    assert measures.clopper_pearson(count, n) == pytest.approx((expected.low, expected.high), abs=1e-8)


@pytest.mark.parametrize(("count", "n"), [(-1, 5), (6, 5), (0, 0)])
def test_what_is_no_count_has_no_interval(count: int, n: int) -> None:
    with pytest.raises(ValueError, match="is no count"):
        measures.clopper_pearson(count, n)


def test_a_rate_of_nothing_says_nothing() -> None:
    assert measures.rate(0, 0) == measures.Estimate(None, None, None, 0, 0)
    assert measures.rate(5, 5).high == 1
    assert measures.rate(0, 5).low == 0


@relaxed
@given(st.lists(st.tuples(st.sampled_from(WORDS), st.sampled_from(WORDS)), min_size=1, max_size=60))
def test_the_agreement_of_two_is_that_of_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    found = measures.cohen_kappa(pairs)
    if found.value is None:
        assert len({word for pair in pairs for word in pair}) == 1, "one word alone: chance explains everything"
        return
    expected = cohen_kappa_score([first for first, _ in pairs], [second for _, second in pairs])
    assert found.value == pytest.approx(expected)
    assert found.n == len(pairs)


def test_the_agreement_of_two_has_an_interval_like_that_of_its_standard_error() -> None:
    """κ = 0.4; the large-sample standard error (Fleiss, Cohen and Everitt 1969) is 0.127."""
    found = measures.cohen_kappa(PAIRS)
    assert found.value == pytest.approx(0.4)
    assert found.low == pytest.approx(0.4 - 1.96 * 0.127, abs=0.04)
    assert found.high == pytest.approx(0.4 + 1.96 * 0.127, abs=0.04)


def test_the_agreement_of_several_is_that_of_the_published_example() -> None:
    answers = [[str(word) for word, count in enumerate(row) for _ in range(count)] for row in FLEISS]
    found = measures.fleiss_kappa(answers)
    assert found.value == pytest.approx(0.20993, abs=1e-4)
    assert found.n == 10
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.21 < found.high


def test_where_all_agree_no_interval_is_made_up() -> None:
    found = measures.cohen_kappa([("genuine", "genuine"), ("altered", "altered")])
    assert found == measures.Estimate(1.0, None, None, 2)


def test_the_agreement_of_several_leaves_out_what_one_person_answered() -> None:
    assert measures.fleiss_kappa([["genuine"], ["altered"]]).value is None
    both = [["genuine", "genuine"], ["altered", "altered"], ["synthetic"]]
    assert measures.fleiss_kappa(both).value == pytest.approx(1.0)
    assert measures.fleiss_kappa(both).n == 2


@relaxed
@given(st.lists(st.floats(0, 1e6), min_size=75, max_size=200), st.sampled_from([0.5, 0.95]))
def test_an_interval_of_a_quantile_is_that_of_scipy(values: list[float], share: float) -> None:
    found = measures.quantile(values, share)
    expected = stats.quantile_test(values, p=share).confidence_interval(0.95)
    assert found.low == pytest.approx(expected.low)
    assert found.high == pytest.approx(expected.high)
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.high


def test_few_values_give_a_quantile_without_an_interval() -> None:
    found = measures.quantile([3.0, 1.0, 2.0], 0.5)
    assert (found.value, found.low, found.high, found.n) == (2.0, None, None, 3)
    assert measures.quantile([], 0.5).value is None


def test_recall_counts_each_sampled_item_for_those_it_stands_for() -> None:
    """40 found; of 500 drawn with a share of 1 in 10 one was missed, which stands for ten: 40 of 50."""
    missed = [(True, 0.1), *[(False, 0.1)] * 499]
    found = measures.recall([True] * 40 + [False] * 60, missed)
    assert found.value == pytest.approx(0.8)
    assert found.n == 500
    assert found.low is not None
    assert found.high == pytest.approx(1.0)
    assert found.low < 0.7


def test_recall_says_nothing_without_a_sample_or_without_anything_to_find() -> None:
    assert measures.recall([True, True], []).value is None
    assert measures.recall([False], [(False, 0.5)]).value is None


def test_the_same_data_give_the_same_interval() -> None:
    assert measures.cohen_kappa(PAIRS) == measures.cohen_kappa(PAIRS)
