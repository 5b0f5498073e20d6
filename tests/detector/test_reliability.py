"""Genuine faces under the conditions of every calibrated bucket: p is uniform where they are like those counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from deepfake_guard.detector import weights
from deepfake_guard.detector.calibration import MIN_FACES, ROOT, Calibration, Conditions, HeatRange
from deepfake_guard.detector.pipeline import Detector
from deepfake_guard.detector.training import crops as listing
from deepfake_guard.detector.training.calibrate import Faces, calibrate
from deepfake_guard.detector.training.crops import Crop
from deepfake_guard.detector.training.evaluation_figures import STEPS
from deepfake_guard.detector.training.evaluation_splits import Splits
from deepfake_guard.detector.training.reliability import by_bucket, p_values, stated
from deepfake_guard.detector.training.simulated import bucket_crops

from .artefacts import noise_crops, tiny_artefact
from .collections_on_disk import written

HEAT = HeatRange(1.0, 4.0)
SOME = {ROOT: Conditions(0), "any/64": Conditions(64), "jpeg70/64": Conditions(64, "jpeg70")}
TOO_LARGE = "webp/200"  # for crops that were kept at 64 px


@pytest.fixture(scope="module")
def artefact(tmp_path_factory: pytest.TempPathFactory) -> weights.Artefact:
    """Random weights; counts are made up around the scores of noise, apart for each bucket."""
    made = tiny_artefact(tmp_path_factory.mktemp("artefact"))
    spread, rng = made.model.score(noise_crops(8)).total, np.random.default_rng(0)
    raw = {
        key: {"muflow": rng.normal(spread.mean() + at, 3 * spread.std(), MIN_FACES)}
        for at, key in enumerate((*SOME, TOO_LARGE))
    }
    return replace(made, calibration=Calibration.fit(raw, raw, HEAT))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("data") / "crops")


def named(count: int) -> list[Crop]:
    return [Crop(f"{at}.png", "test-real-id", "real", "c", "", "", "", native_px=250) for at in range(count)]


def textures(count: int, seed: int) -> np.ndarray:
    """uint8 [count, 224, 224, 3], each of its own contrast: faces of one source, as far as `detail` sees."""
    rng = np.random.default_rng(seed)
    coarse = rng.normal(0, 1, (count, 28, 28, 1)).repeat(8, 1).repeat(8, 2) * rng.uniform(5, 60, (count, 1, 1, 1))
    return np.clip(np.rint(128 + coarse + np.zeros(3)), 0, 255).astype(np.uint8)


def detail(crops: np.ndarray) -> Mapping[str, np.ndarray]:
    return {"muflow": np.abs(np.diff(crops[..., 1].astype(float), axis=2)).mean(axis=(1, 2))}


@pytest.fixture
def of_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Buckets count from 50 faces on, so that a test need not make two hundred."""
    monkeypatch.setattr("deepfake_guard.detector.training.calibrate.MIN_FACES", 50)
    monkeypatch.setattr("deepfake_guard.detector.calibration.agreement.MIN_FACES", 50)


@pytest.mark.usefixtures("of_few")
def test_p_values_of_exchangeable_faces_are_uniform_in_every_bucket() -> None:
    """#{p <= k/(n + 1)} of m is beta-binomial: mean m q, variance m q (1 − q) (m + n + 1)/(n + 2), q = k/(n + 1)."""
    n, m, buckets = 99, 100, (ROOT, "jpeg0/64", "webp/200")
    select, genuine = (Faces(textures(size, seed), np.full(size, 250)) for size, seed in ((40, 1), (n, 2)))
    calibration = calibrate(detail, select, genuine, HEAT, buckets=buckets, say=lambda _: None)
    found = stated(p_values(detail, calibration, named(m), textures(m, 3)), calibration.counts())
    assert list(found) == list(buckets)
    for told in found.values():
        assert (told["n"], told["calibration_n"]) == (m, n)
        for step in STEPS:
            q = step  # a multiple of 1/(n + 1)
            spread = (m * q * (1 - q) * (m + n + 1) / (n + 2)) ** 0.5
            assert abs(told[f"p<={step}"]["count"] - m * q) <= 3 * spread
        assert told["distance"] <= 1.5 * told["noticed_from"]


@pytest.mark.usefixtures("of_few")
def test_faces_unlike_those_that_were_counted_are_seen_where_they_differ() -> None:
    genuine = Faces(textures(99, 2), np.full(99, 250))
    calibration = calibrate(detail, genuine, genuine, HEAT, buckets=(ROOT, "any/64"), say=lambda _: None)
    stranger = 128 + (textures(60, 3).astype(int) - 128) // 8
    for told in stated(
        p_values(detail, calibration, named(60), stranger.astype(np.uint8)), calibration.counts()
    ).values():
        assert told["p<=0.1"]["interval"][0] > 0.1
        assert told["distance"] > told["noticed_from"]


def test_a_face_is_judged_as_a_live_upload_of_that_bucket(artefact: weights.Artefact) -> None:
    crops, deciding = noise_crops(3, seed=5), artefact.calibration.fusion.weights
    found = p_values(lambda some: artefact.ensemble.asked(some, deciding), artefact.calibration, named(3), crops)
    calls: list[np.ndarray] = []

    def watched(some: np.ndarray) -> Mapping[str, np.ndarray]:
        calls.append(some)
        return artefact.ensemble.asked(some, deciding)

    p_values(watched, artefact.calibration, named(3), crops)
    detector = Detector(artefact)
    for made, (bucket, conditions) in zip(calls, SOME.items(), strict=False):
        live = detector.score(made, [conditions] * 3)
        assert [each.bucket for each in live] == [bucket] * 3
        assert [each.p_value for each in live] == [face[bucket] for face in found]
    detector.close()


def test_a_faces_upload_follows_its_name_alone_and_is_not_the_one_that_calibrates(artefact: weights.Artefact) -> None:
    crops, seen = textures(2, 7), list[np.ndarray]()

    def watched(some: np.ndarray) -> Mapping[str, np.ndarray]:
        seen.extend(some)
        return detail(some)

    both, second = named(2), named(2)[1:]
    together = p_values(watched, artefact.calibration, both, crops)
    assert p_values(watched, artefact.calibration, second, crops[1:]) == together[1:]
    calibrating, _ = bucket_crops(crops, [250, 250], ROOT, seed=0)
    assert not any(np.array_equal(one, other) for one, other in zip(seen, calibrating, strict=False))


def test_crops_of_another_side_stay_at_it(artefact: weights.Artefact) -> None:
    sides: list[int] = []

    def watched(some: np.ndarray) -> Mapping[str, np.ndarray]:
        sides.append(some.shape[1])
        return detail(some)

    (found,) = p_values(watched, artefact.calibration, named(1), np.zeros((1, 384, 384, 3), np.uint8))
    assert set(sides) == {384}
    assert set(found) == {*SOME, TOO_LARGE}


def test_groups_buckets_and_the_opening_are_as_the_folder_and_the_artefact_have_them(
    artefact: weights.Artefact, home: Path, tmp_path: Path
) -> None:
    log = tmp_path / "openings.md"
    found = by_bucket(artefact, home, openings=log, reason="a look")
    assert {name: found[name][ROOT]["n"] for name in ("known", "untrained", "dfdc")} == {
        "known": 16, "untrained": 8, "dfdc": 10,
    }  # fmt: skip
    assert all(list(found[name]) == list(SOME) for name in ("known", "untrained", "dfdc"))
    assert set(found["by_chance"]) == {*SOME, TOO_LARGE}
    low, high = found["known"]["jpeg70/64"]["p<=0.5"]["interval"]
    assert low <= found["known"]["jpeg70/64"]["p<=0.5"]["rate"] <= high
    assert log.read_text().count("a look (by bucket)") == 1


def test_a_stopped_run_goes_on_and_a_second_report_scores_and_opens_nothing(
    artefact: weights.Artefact, home: Path, tmp_path: Path
) -> None:
    log, kept, lines = tmp_path / "openings.md", tmp_path / "scores.jsonl", list[str]()

    def stop(line: str) -> None:
        raise KeyboardInterrupt(line)

    with pytest.raises(KeyboardInterrupt, match="32 of 34 faces"):
        by_bucket(artefact, home, openings=log, reason="first", scores=kept, say=stop)
    resumed = by_bucket(artefact, home, openings=log, reason="second", scores=kept, say=lines.append)
    assert len(lines) == 1
    assert "4 buckets: scored 2 of 2 faces" in lines[0]
    assert "min left" in lines[0]
    again = by_bucket(artefact, home, openings=log, reason="third", scores=kept, say=stop)
    assert again == resumed == by_bucket(artefact, home, openings=tmp_path / "other.md", reason="whole")
    assert "third" not in log.read_text()


def test_of_a_large_group_a_seeded_part_is_judged(artefact: weights.Artefact, home: Path, tmp_path: Path) -> None:
    found = by_bucket(artefact, home, openings=tmp_path / "log.md", reason="few", most=9)
    assert {name: found[name][ROOT]["n"] for name in ("known", "untrained", "dfdc")} == {
        "known": 9, "untrained": 8, "dfdc": 9,
    }  # fmt: skip


def test_development_splits_are_no_opening(artefact: weights.Artefact, home: Path, tmp_path: Path) -> None:
    splits = Splits("select-real", "calib-real", "select-real")
    found = by_bucket(artefact, home, openings=tmp_path / "log.md", reason="a try", splits=splits)
    assert {name for name in found if name != "by_chance"} == {"known", "untrained"}
    assert not (tmp_path / "log.md").exists()


def test_a_folder_without_the_splits_is_refused_before_anything_is_opened(
    artefact: weights.Artefact, home: Path, tmp_path: Path
) -> None:
    with pytest.raises(listing.DataError, match="train-real"):
        by_bucket(artefact, home, openings=tmp_path / "log.md", reason="x", splits=Splits(known="train-real"))
    assert not (tmp_path / "log.md").exists()
