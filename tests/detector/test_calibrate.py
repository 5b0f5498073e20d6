"""Calibration faces are brought to each bucket's conditions, only ever downwards, and each is counted once."""

from __future__ import annotations

import io
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from deepfake_guard.detector.calibration import BUCKETS, ROOT, Conditions, Fusion, HeatRange
from deepfake_guard.detector.calibration.conditions import ENCODINGS, lineage
from deepfake_guard.detector.training import calibrate as calibrating
from deepfake_guard.detector.training import degrade, simulated
from deepfake_guard.detector.training.calibrate import Faces, calibrate, few, populated, raw_scores, recalibrate
from deepfake_guard.detector.training.simulated import bucket_crops, drawn, entering
from deepfake_guard.detector.training.stored_scores import StoredScores

from .pictures import portrait

HEAT = HeatRange(1.0, 4.0)
BOTH = Fusion("sum", {"muflow": 1.0, "level": 1.0})
BELOW_ROOT = [key for key in BUCKETS if key != ROOT]


@cache
def face() -> np.ndarray:
    """uint8 [224, 224, 3]: the portrait's face."""
    return np.asarray(portrait().crop((112, 0, 336, 224)))


def faces(count: int, seed: int = 0, native: tuple[int, int] = (200, 900)) -> Faces:
    """The face, each time a little brighter or darker."""
    rng = np.random.default_rng(seed)
    shifts = rng.integers(-30, 30, (count, 1, 1, 1))
    crops = np.clip(face()[None].astype(int) + shifts, 0, 255).astype(np.uint8)
    return Faces(crops, rng.integers(*native, count))


def score(crops: np.ndarray) -> Mapping[str, np.ndarray]:
    """A detector of two signals: how much detail there is, and how light it is."""
    grey = crops[..., 1].astype(float)
    return {"muflow": np.abs(np.diff(grey, axis=2)).mean(axis=(1, 2)), "level": grey.mean(axis=(1, 2))}


def quiet(line: str) -> None:
    assert line.startswith("bucket ")


def test_an_upload_stays_as_it_came_in_its_own_buckets_and_is_degraded_for_others() -> None:
    crops, sides = faces(3).crops, [300, 300, 150]
    came = ["jpeg70", "lossless", "jpeg70"]
    untouched = {
        bucket: [
            bool((one == crops[index]).all())
            for one, index in zip(*bucket_crops(crops, sides, bucket, 1, came), strict=True)
        ]
        for bucket in ("jpeg70/200", "any/200", ROOT, "any/112", "jpeg0/200")
    }
    assert untouched == {
        "jpeg70/200": [True, False],
        "any/200": [True, True],
        ROOT: [True, True, True],
        "any/112": [False, False, True],
        "jpeg0/200": [False, False],
    }


@given(st.sampled_from(BELOW_ROOT), st.integers(64, 2000), st.integers(0, 2**31), st.sampled_from([112, 224, 384]))
def test_a_simulated_upload_falls_into_its_bucket_and_is_never_larger_than_the_face(
    bucket: str, native: int, seed: int, crop_px: int
) -> None:
    low = int(bucket.partition("/")[2])
    if native < low:
        return
    side, encoding = drawn(bucket, native, np.random.default_rng(seed), crop_px)
    assert side <= native
    served = lineage(Conditions(side, encoding, crop_px).bucket)
    assert bucket in served


@pytest.mark.parametrize("low", [64, 112])
def test_sizes_are_drawn_log_uniformly(low: int) -> None:
    rng = np.random.default_rng(0)
    high = 111 if low == 64 else 199
    sides = [drawn(f"jpeg70/{low}", 500, rng)[0] for _ in range(4000)]
    places = np.log(np.asarray(sides) / low) / np.log(high / low)
    assert np.quantile(places, (0.25, 0.5, 0.75)) == pytest.approx((0.25, 0.5, 0.75), abs=0.04)


@pytest.mark.parametrize(("crop_px", "below"), [(112, 448), (224, 448), (384, 768), (1024, 2048)])
def test_an_encoding_counts_where_the_crop_is_shrunk_less_than_twofold(crop_px: int, below: int) -> None:
    told = [Conditions(native, "jpeg90", crop_px).bucket for native in (below - 1, below)]
    assert told == ["jpeg90/200", "any/200"]


def test_uploads_of_a_larger_crop_reach_up_to_twice_its_side() -> None:
    rng = np.random.default_rng(2)
    sides = [drawn("jpeg90/200", 2000, rng, 384)[0] for _ in range(2000)]
    assert 740 < max(sides) < 768
    assert np.mean([side >= 448 for side in sides]) == pytest.approx(np.log(768 / 448) / np.log(768 / 200), abs=0.04)


def test_parents_follow_the_declared_mix() -> None:
    rng = np.random.default_rng(1)
    uploads = [drawn(ROOT, 300, rng) for _ in range(4000)]
    for encoding, share in simulated.ENCODING_MIX.items():
        assert np.mean([told == encoding for _, told in uploads]) == pytest.approx(share, abs=0.03)
    assert np.mean([side < 112 for side, _ in uploads]) == pytest.approx(simulated.SIZE_MIX[64], abs=0.03)
    assert sum(simulated.ENCODING_MIX.values()) == pytest.approx(1)
    assert set(simulated.ENCODING_MIX) == set(ENCODINGS)


def test_a_face_smaller_than_a_band_cannot_enter_it() -> None:
    crops = np.stack([face()] * 4)
    native = [70, 150, 250, 0]  # 0: unknown, then the crop's own 224 px
    kept = {bucket: entering(crops, native, bucket).tolist() for bucket in ("jpeg70/64", "any/112", "webp/200", ROOT)}
    assert kept == {"jpeg70/64": [0, 1, 2, 3], "any/112": [1, 2, 3], "webp/200": [2, 3], ROOT: [0, 1, 2, 3]}


def test_a_crop_that_was_stored_small_has_lost_the_detail_of_its_picture() -> None:
    small = np.asarray(Image.fromarray(face()).resize((112, 112)))[None]
    assert entering(small, [400], "jpeg70/200").size == 0
    made, _ = bucket_crops(small, [400], "jpeg70/112", 0)
    assert made.shape == (1, 224, 224, 3)


@pytest.mark.parametrize("bucket", BUCKETS)
def test_every_face_enters_a_bucket_once_and_follows_its_seed_alone(bucket: str) -> None:
    given = faces(3, native=(448, 900))
    made, indices = bucket_crops(given.crops, given.native_px, bucket, seed=5)
    assert (made.shape, indices.tolist()) == ((3, 224, 224, 3), [0, 1, 2])
    assert made.dtype == np.uint8
    again, _ = bucket_crops(given.crops[:2], given.native_px[:2], bucket, seed=5)
    assert np.array_equal(made[:2], again)


def test_undegraded_means_the_crop_itself() -> None:
    given = faces(2, native=(224, 225))
    for crop in given.crops:
        assert np.array_equal(degrade.uploaded(crop, 300, "lossless", np.random.default_rng(0)), crop)


def test_what_was_shrunk_has_less_detail_and_so_has_what_was_compressed_more() -> None:
    rng = np.random.default_rng(0)
    sharp = [score(degrade.uploaded(face(), side, "lossless", rng)[None])["muflow"][0] for side in (224, 150, 64)]
    assert sharp == sorted(sharp, reverse=True)
    errors = []
    for key in ("jpeg90", "jpeg70", "jpeg0"):
        made = degrade.uploaded(face(), 224, key, np.random.default_rng(1))
        errors.append(np.abs(made.astype(int) - face()).mean())
    assert errors == sorted(errors)
    assert errors[0] > 0


@given(st.sampled_from(["jpeg90", "jpeg70", "jpeg0", "webp"]), st.integers(0, 2**20))
@settings(deadline=None, max_examples=20)
def test_the_quality_is_one_of_its_band(encoding: str, seed: int) -> None:
    """Of all qualities, the one the generator drew gives the pixels: so the band is what was declared."""
    low, high = degrade.QUALITIES[encoding]
    rng = np.random.default_rng(seed)
    quality = int(rng.integers(low, high + 1))
    top, left = (int(offset) for offset in rng.integers(0, 16, 2))
    padded = np.pad(face(), ((top, 0), (left, 0), (0, 0)), mode="edge")
    stream = io.BytesIO()
    Image.fromarray(padded).save(stream, "WEBP" if encoding == "webp" else "JPEG", quality=quality)
    expected = io.BytesIO()
    Image.fromarray(np.asarray(Image.open(stream).convert("RGB"))[top:, left:]).save(expected, "JPEG", quality=92)
    made = degrade.uploaded(face(), 224, encoding, np.random.default_rng(seed))
    assert np.array_equal(made, np.asarray(Image.open(expected).convert("RGB")))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Buckets count from a dozen faces on, so that a test need not make two hundred."""
    for module, name in ((calibrating, "MIN_FACES"), (calibrating, "MIN_SELECT")):
        monkeypatch.setattr(module, name, 12)
    monkeypatch.setattr("deepfake_guard.detector.calibration.agreement.MIN_FACES", 12)


SOME = (ROOT, "any/64", "jpeg0/64", "any/200", "webp/200")


@pytest.mark.usefixtures("small")
def test_each_bucket_is_counted_under_its_own_conditions() -> None:
    select, genuine = faces(14, 1), faces(15, 2)
    made = calibrate(score, select, genuine, HEAT, fusion=BOTH, strange_fusion=BOTH, buckets=SOME, seed=3, say=quiet)
    assert made.counts() == dict.fromkeys(SOME, 15)
    crops, _ = bucket_crops(genuine.crops, genuine.native_px, "jpeg0/64", 3)
    expected = np.sort(made.fused(score(crops), "jpeg0/64"))
    assert np.array_equal(made.buckets["jpeg0/64"].scores["fused"], expected)


def test_a_bucket_that_too_few_can_enter_is_not_even_scored() -> None:
    many, small_ones = faces(2, native=(300, 301)), faces(2, native=(70, 71))
    pool = Faces(np.concatenate([np.repeat(many.crops, 110, 0), np.repeat(small_ones.crops, 100, 0)]),
                 np.concatenate([np.repeat(many.native_px, 110), np.repeat(small_ones.native_px, 100)]))  # fmt: skip
    keys = populated(Faces(pool.crops[:40], pool.native_px[:40]), pool)
    assert keys == list(BUCKETS)
    assert populated(Faces(pool.crops[:29], pool.native_px[:29]), pool) == [ROOT]
    keys = populated(Faces(pool.crops[:40], pool.native_px[:40]), Faces(pool.crops[100:], pool.native_px[100:]))
    assert keys == [key for key in BUCKETS if key == ROOT or key.endswith("/64")]


def test_a_stopped_run_goes_on_where_it_was(tmp_path: Path) -> None:
    given = faces(5)
    lines: list[str] = []
    calls: list[int] = []

    def stopping(crops: np.ndarray) -> Mapping[str, np.ndarray]:
        calls.append(len(crops))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return score(crops)

    stored = StoredScores(tmp_path, "detector-a")
    with pytest.raises(KeyboardInterrupt):
        raw_scores(stopping, given, SOME, stored=stored, say=quiet)
    resumed = raw_scores(stopping, given, SOME, stored=stored, say=lines.append)
    assert len(calls) == 3 + 3, "the two finished buckets were not scored again"
    whole = raw_scores(score, given, SOME, say=quiet)
    assert all(np.array_equal(resumed[key][name], whole[key][name]) for key in SOME for name in whole[key])
    assert [line.split(",")[0] for line in lines] == [f"bucket {at} of 5: {key}" for at, key in enumerate(SOME, 1)]
    assert all("min left" in line for line in lines)


@pytest.mark.parametrize("other", ["detector", "faces", "seed", "broken"])
def test_kept_scores_of_anything_else_are_not_used(tmp_path: Path, other: str) -> None:
    given, stored = faces(3), StoredScores(tmp_path, "detector-a")
    stored.keep(given.crops, given.native_px, ROOT, 0, {"muflow": np.arange(3.0)})
    assert stored.find(given.crops, given.native_px, ROOT, 0)["muflow"].tolist() == [0, 1, 2]
    if other == "detector":
        stored = StoredScores(tmp_path, "detector-b")
    elif other == "faces":
        given = faces(3, seed=9)
    elif other == "broken":
        for path in tmp_path.iterdir():
            path.write_bytes(path.read_bytes()[:20])
    assert stored.find(given.crops, given.native_px, ROOT, int(other == "seed")) == {}


@pytest.mark.usefixtures("small")
def test_a_quick_recalibration_keeps_the_scales_and_counts_other_faces() -> None:
    shipped = calibrate(
        score, faces(14, 1), faces(15, 2), HEAT, fusion=BOTH, strange_fusion=BOTH, buckets=SOME, say=quiet
    )
    own = recalibrate(score, shipped, faces(16, 7), say=quiet)
    assert own.counts() == {ROOT: 16, "any/64": 16, "any/200": 16, "webp/200": 16}
    assert all(own.buckets[key].scales == shipped.buckets[key].scales for key in own.buckets)


def test_quick_takes_at_most_four_hundred_faces_and_four_encodings() -> None:
    crops = np.zeros((450, 1, 1, 3), np.uint8)
    crops[:, 0, 0, 0], crops[:, 0, 0, 1] = np.arange(450) % 256, np.arange(450) // 256
    picked = few(Faces(crops, np.arange(450)), seed=1)
    assert len(picked) == len(set(picked.native_px.tolist())) == 400
    assert np.array_equal(picked.native_px % 256, picked.crops[:, 0, 0, 0])
    assert len(few(Faces(crops[:9], np.arange(9)), seed=1)) == 9
    assert {key.partition("/")[0] for key in calibrating.QUICK_BUCKETS} == {"any", "jpeg90", "jpeg70", "webp"}
