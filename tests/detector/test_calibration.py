"""The p-value means what it says: as uniform on genuine faces as n allows, by bucket, whatever was fused."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepfake_guard.detector.calibration import (
    BUCKETS,
    MIN_FACES,
    ROOT,
    STRANGE,
    Calibration,
    Conditions,
    Fold,
    Fusion,
    HeatRange,
    Standard,
    lineage,
)  # fmt: skip

HEAT = HeatRange(1.0, 4.0)
NAMES = ("muflow", "neighbours", "head")
BOTH = Fusion("sum", {"muflow": 1.0, "neighbours": 0.5, "head": 2.0})
ONE_CLASS = Fusion("max", {"muflow": 1.0, "neighbours": 1.0})
Raw = dict[str, np.ndarray]
scores = st.lists(st.floats(-1e6, 1e6), min_size=4, max_size=60, unique=True)


def drawn(n: int, seed: int, shift: float = 0.0) -> Raw:
    """Raw scores of n faces that are exchangeable with those of other seeds."""
    rng = np.random.default_rng(seed)
    return {name: rng.normal(shift, 1 + at, n) for at, name in enumerate(NAMES)}


def calibrated(n: int = 99, seed: int = 0) -> Calibration:
    """The root alone, µFlow alone."""
    rng = np.random.default_rng(seed)
    chosen, counted = ({ROOT: {"muflow": rng.normal(size=count)}} for count in (200, n))
    return Calibration.fit(chosen, counted, HEAT)


def bucketed(sizes: Mapping[str, int], fusion: Fusion = BOTH) -> Calibration:
    """Buckets whose scores lie apart, so that it shows which one served."""
    shifts = {key: 10.0 * at for at, key in enumerate(sizes)}
    select = {key: drawn(100, 1, shifts[key]) for key in sizes}
    genuine = {key: drawn(n, 2, shifts[key]) for key, n in sizes.items()}
    return Calibration.fit(select, genuine, HEAT, ["head"], fusion, ONE_CLASS)


THREE = {ROOT: 300, "any/112": 250, "jpeg90/112": 220}


@given(scores)
def test_the_fold_measures_each_tail_by_its_own_deviation(raw: list[float]) -> None:
    fold = Fold.fit(raw)
    values = np.asarray(raw)
    assert fold.centre == np.median(values)
    assert fold(fold.centre + fold.above) == pytest.approx(1.0, rel=1e-6)
    assert fold(fold.centre - fold.below) == pytest.approx(1.0, rel=1e-6)
    assert np.mean(fold(values[values > fold.centre])) == pytest.approx(1.0)
    assert np.mean(fold(values[values < fold.centre])) == pytest.approx(1.0)
    assert fold(values).min() >= 0


@given(st.floats(-1e3, 1e3), st.floats(1e-3, 1e3), st.floats(1e-3, 1e3), st.floats(1e-9, 1e-3))
def test_the_fold_has_no_step_at_its_centre(centre: float, above: float, below: float, step: float) -> None:
    fold = Fold(centre, above, below)
    moved = max(centre + step - centre, centre - (centre - step))
    assert fold(centre) == 0
    assert fold([centre - step, centre + step]).max() <= moved / min(above, below) * (1 + 1e-6)


@pytest.mark.parametrize("kind", [Fold, Standard])
def test_scores_without_spread_are_refused(kind: type[Fold] | type[Standard]) -> None:
    with pytest.raises(ValueError, match="no spread"):
        kind.fit([2.0, 2.0, 2.0])


def test_a_head_is_one_sided_and_standardised_on_the_selection_faces() -> None:
    select = drawn(100, 1)
    calibration = Calibration.fit({ROOT: select}, {ROOT: drawn(50, 2)}, HEAT, ["head"], BOTH, ONE_CLASS)
    scaled = calibration.scaled(select)
    assert (scaled["head"].mean(), scaled["head"].std()) == pytest.approx((0, 1), abs=1e-12)
    low, high = (calibration.judge({"muflow": 0.0, "neighbours": 0.0, "head": logit}) for logit in (-50.0, 50.0))
    assert (low.p_value, high.p_value) == (1.0, 1 / 51)


def test_the_fused_scalar_is_the_formula() -> None:
    calibration, raw = bucketed(THREE), drawn(5, 3)
    scaled = calibration.scaled(raw, "any/112")
    assert calibration.fused(raw, "any/112") == pytest.approx(
        scaled["muflow"] + 0.5 * scaled["neighbours"] + 2 * scaled["head"]
    )
    assert np.array_equal(scaled[STRANGE], np.maximum(scaled["muflow"], scaled["neighbours"]))


@pytest.mark.parametrize(
    ("kind", "weights"), [("mean", {"a": 1.0}), ("sum", {}), ("max", {"a": 0.0}), ("sum", {"a": float("nan")})]
)
def test_what_is_no_formula_is_refused(kind: str, weights: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="fusion"):
        Fusion(kind, weights)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=80), st.integers(0, 30))
def test_the_p_value_is_the_count_of_faces_at_least_as_unusual(counted: list[int], score: int) -> None:
    calibration = Calibration.fit(
        {ROOT: {"muflow": np.asarray([-1.0, 0.0, 1.0])}}, {ROOT: {"muflow": np.asarray(counted, float)}}, HEAT
    )
    told = calibration.judge({"muflow": float(score)})
    assert (told.n, told.reached, told.bucket) == (len(counted), sum(face >= score for face in counted), ROOT)
    assert told.p_value == (1 + told.reached) / (told.n + 1)


@given(st.integers(0, 2**31), st.integers(5, 40), st.sampled_from(["sum", "max"]))
@settings(deadline=None)
def test_exchangeable_faces_get_every_rank_once(seed: int, n: int, kind: str) -> None:
    """Leave each of n + 1 faces out in turn: without ties their p-values are exactly 1/(n+1) … 1."""
    faces, select = drawn(n + 1, seed), drawn(50, seed + 1)
    fusion = Fusion(kind, BOTH.weights)
    p_values = []
    for at in range(n + 1):
        others = {ROOT: {name: np.delete(values, at) for name, values in faces.items()}}
        calibration = Calibration.fit({ROOT: select}, others, HEAT, ["head"], fusion, ONE_CLASS)
        p_values.append(calibration.judge({name: float(values[at]) for name, values in faces.items()}).p_value)
    assert sorted(p_values) == [rank / (n + 1) for rank in range(1, n + 2)]


def test_genuine_faces_are_below_any_level_no_more_often_than_that_level() -> None:
    level, alarms = 0.05, 0
    for repeat in range(200):
        parts = (drawn(count, 3 * repeat + at) for at, count in enumerate((100, 99, 30)))
        select, genuine, fresh = parts
        calibration = Calibration.fit({ROOT: select}, {ROOT: genuine}, HEAT, ["head"], BOTH, ONE_CLASS)
        alarms += sum(told.p_value <= level for told in calibration.judge_many(fresh, [Conditions(0)] * 30))
    assert alarms / 6000 == pytest.approx(level, abs=0.012)


@given(st.lists(st.tuples(*[st.floats(-50, 50)] * 3), min_size=2, max_size=12))
@settings(deadline=None)
def test_p_lies_between_its_floor_and_one_and_falls_with_the_fused_scalar(
    faces: list[tuple[float, float, float]],
) -> None:
    calibration = bucketed({ROOT: 120})
    raw = dict(zip(NAMES, np.asarray(faces).T, strict=True))
    told = sorted(calibration.judge_many(raw, [Conditions(0)] * len(faces)), key=lambda each: each.score)
    p_values = [each.p_value for each in told]
    assert p_values == sorted(p_values, reverse=True)
    assert all(1 / 121 <= p <= 1 for p in p_values)


@given(st.permutations(NAMES))
@settings(deadline=None)
def test_the_order_of_the_signals_changes_nothing(order: list[str]) -> None:
    def shuffled(raw: Raw) -> Raw:
        return {name: raw[name] for name in order}

    select, genuine, faces = drawn(60, 1), drawn(80, 2), drawn(9, 3)
    told = []
    for turned in (dict, shuffled):
        weights = {name: BOTH.weights[name] for name in turned(faces)}
        calibration = Calibration.fit(
            {ROOT: turned(select)}, {ROOT: turned(genuine)}, HEAT, ["head"], Fusion("sum", weights), ONE_CLASS
        )
        told.append(calibration.judge_many(turned(faces), [Conditions(0)] * 9))
    assert told[0] == told[1]


def test_its_floor_is_one_in_n_plus_one() -> None:
    told = calibrated(n=99).judge({"muflow": 1e9})
    assert (told.p_value, told.n, told.reached) == (0.01, 99, 0)


@pytest.mark.parametrize("score", [float("nan"), float("inf")])
def test_a_score_that_is_no_number_never_counts_as_calm(score: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        calibrated().judge({"muflow": score})
    with pytest.raises(ValueError, match="finite"):
        bucketed(THREE).judge({"muflow": 0.0, "neighbours": score, "head": 0.0})


def test_a_missing_signal_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="no scores of head, neighbours"):
        bucketed(THREE).judge({"muflow": 0.0})


@pytest.mark.parametrize(
    ("native", "encoding", "bucket"),
    [
        (64, "jpeg90", "jpeg90/64"), (111, "jpeg0", "jpeg0/64"), (112, "webp", "webp/112"), (199, "any", "any/112"),
        (200, "lossless", "lossless/200"), (447, "jpeg70", "jpeg70/200"), (448, "jpeg70", "any/200"),
        (63, "jpeg70", "any"), (0, "any", "any"),
    ],
)  # fmt: skip
def test_conditions_name_their_bucket(native: int, encoding: str, bucket: str) -> None:
    assert Conditions(native, encoding).bucket == bucket
    assert bucket in BUCKETS


def test_an_unknown_encoding_is_refused() -> None:
    with pytest.raises(ValueError, match="jpeg2000"):
        Conditions(200, "jpeg2000")


def test_there_are_nineteen_buckets_and_each_leads_to_the_root() -> None:
    assert len(set(BUCKETS)) == 19
    assert lineage("jpeg90/112") == ("jpeg90/112", "any/112", ROOT)
    assert all(lineage(key)[0] == key and lineage(key)[-1] == ROOT for key in BUCKETS)


@pytest.mark.parametrize(
    ("conditions", "chain"),
    [
        (Conditions(150, "jpeg90"), ("jpeg90/112", "any/112", ROOT)),
        (Conditions(150, "webp"), ("any/112", ROOT)),
        (Conditions(300, "jpeg90"), (ROOT,)),
    ],
)
def test_where_a_bucket_has_no_faces_its_parent_serves(conditions: Conditions, chain: tuple[str, ...]) -> None:
    told = bucketed(THREE).judge({"muflow": 0.0, "neighbours": 0.0, "head": 0.0}, conditions)
    assert tuple(rank.bucket for rank in told.ranks) == chain
    assert told.n == THREE[chain[0]]


def test_a_bucket_of_fewer_than_two_hundred_faces_is_left_to_its_parent() -> None:
    assert bucketed({ROOT: 50, "any/112": MIN_FACES, "jpeg90/112": MIN_FACES - 1}).counts() == {
        ROOT: 50, "any/112": MIN_FACES,
    }  # fmt: skip


def test_many_faces_are_judged_as_each_alone() -> None:
    calibration, faces = bucketed(THREE), drawn(20, 5, 10.0)
    sizes = np.random.default_rng(0).integers(60, 500, 20)
    conditions = [Conditions(int(size), ("jpeg90", "any", "webp")[at % 3]) for at, size in enumerate(sizes)]
    alone = [
        calibration.judge({name: float(values[at]) for name, values in faces.items()}, conditions[at])
        for at in range(20)
    ]
    assert calibration.judge_many(faces, conditions) == alone
    assert calibration.judge_many({name: values[:0] for name, values in faces.items()}, []) == []


def test_each_signal_has_a_p_value_of_its_own_from_the_serving_bucket() -> None:
    genuine = drawn(220, 2, 20.0)
    raw = {"muflow": 23.0, "neighbours": 20.0, "head": 21.0}
    told = bucketed(THREE).judge(raw, Conditions(150, "jpeg90"))
    assert set(told.signals) == {*NAMES, STRANGE}
    assert {name: told.signals[name].score for name in NAMES} == raw
    at_least = int((genuine["head"] >= 21.0).sum())
    assert told.signals["head"].p_value == (1 + at_least) / 221


@pytest.mark.parametrize("name", [*NAMES, STRANGE])
def test_one_signal_alone_gives_the_p_value_it_had_beside_the_others(name: str) -> None:
    calibration, faces = bucketed(THREE), drawn(12, 7, 20.0)
    conditions = [Conditions(150, "jpeg90")] * 12
    beside = [told.signals[name].p_value for told in calibration.judge_many(faces, conditions)]
    assert [told.p_value for told in calibration.alone(name).judge_many(faces, conditions)] == beside


def test_a_signal_that_there_is_not_cannot_stand_alone() -> None:
    with pytest.raises(ValueError, match="astrology"):
        bucketed(THREE).alone("astrology")


def test_other_faces_are_counted_with_the_same_scales() -> None:
    shipped = bucketed(THREE)
    own = shipped.recounted({ROOT: drawn(400, 9), "any/112": drawn(400, 9, 10.0), "webp/112": drawn(400, 9)})
    assert own.counts() == {ROOT: 400, "any/112": 400}
    assert own.buckets["any/112"].scales == shipped.buckets["any/112"].scales
    raw = drawn(6, 4)
    assert np.array_equal(own.fused(raw), shipped.fused(raw))


@pytest.mark.parametrize("missing", [{"any/112": 300}, {}])
def test_without_a_root_there_is_no_calibration(missing: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="'any'"):
        bucketed(missing)


def test_strangeness_takes_no_head() -> None:
    select, genuine = {ROOT: drawn(50, 1)}, {ROOT: drawn(50, 2)}
    with pytest.raises(ValueError, match="contradicts"):
        Calibration.fit(select, genuine, HEAT, ["head"], BOTH, Fusion("sum", {"head": 1.0}))


@pytest.mark.parametrize("bucket", THREE)
def test_the_histogram_counts_every_face_once(bucket: str) -> None:
    edges, counts = bucketed(THREE).histogram(bucket, bins=25)
    assert (len(edges), len(counts), sum(counts)) == (26, 25, THREE[bucket])
    assert edges == sorted(edges)
