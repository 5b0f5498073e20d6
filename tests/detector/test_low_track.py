"""Small faces: an artefact calibrated on them, and what `evaluate` then says, source by source and person by person."""

from __future__ import annotations

import csv
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from deepfake_guard.detector import manifest, report, weights
from deepfake_guard.detector.__main__ import main
from deepfake_guard.detector.training import crops as listing
from deepfake_guard.detector.training.calibrate_index import calibrate_index
from deepfake_guard.detector.training.evaluate import Evaluation, evaluate
from deepfake_guard.detector.training.evaluation_figures import Heads, Reading, rate
from deepfake_guard.detector.training.evaluation_splits import Splits
from deepfake_guard.detector.training.evaluation_table import Judged
from deepfake_guard.detector.training.reliability import by_bucket
from deepfake_guard.detector.training.statistics import clopper_pearson

from .artefacts import tiny_artefact
from .collections_on_disk import LOW_PLAN, Made, written

pytest.importorskip("sklearn", reason="the extra `train` is not installed")
LOW = Splits(track="low")
CALIBRATING = {"celeba__deepshield": 14, "utkface__mohanish": 11, "ffhq__dinablachman": 9}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("low") / "crops", LOW_PLAN, side=112, track="low", native_px=400)


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shipped")
    made = tiny_artefact(folder)
    sets = (*made.manifest.sets, manifest.FaceSet("learnt", "train", 60, "own"))
    manifest.write(folder, replace(made.manifest, sets=sets, starter=True, notes="as shipped"))
    return folder


@pytest.fixture(scope="module")
def calibrated(home: Path, shipped: Path, tmp_path_factory: pytest.TempPathFactory) -> weights.Artefact:
    out = tmp_path_factory.mktemp("calibrated") / "low"
    calibrate_index(home, out, track="low", artefact=shipped, device="cpu")
    return weights.load(out, "cpu")


@pytest.fixture(scope="module")
def evaluated(calibrated: weights.Artefact, home: Path, tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    log = tmp_path_factory.mktemp("log") / "openings.md"
    found = evaluate(
        calibrated, home, openings=log, reason="small faces", splits=LOW, pictures=True, draws=40
    )  # fmt: skip
    assert "| small faces (low track) |" in log.read_text()
    return found


# --- the artefact


def test_calibrating_on_an_index_changes_no_weight(calibrated: weights.Artefact, shipped: Path) -> None:
    before, after = manifest.read(shipped), calibrated.manifest
    assert after.detector_id == before.detector_id
    assert after.calibration_id != before.calibration_id
    assert {name for name in after.files if after.files[name] != before.files[name]} == {weights.CALIBRATION}
    assert calibrated.calibration.fusion == weights.load(shipped, "cpu").calibration.fusion


def test_the_manifest_says_what_it_was_calibrated_on_and_keeps_what_taught_it(
    calibrated: weights.Artefact, shipped: Path
) -> None:
    before, after = manifest.read(shipped), calibrated.manifest
    assert {part.name: part.n for part in after.sets if part.role == "calibrate"} == CALIBRATING
    assert [(part.name, part.n) for part in after.sets if part.role == "select"] == [("celeba__deepshield", 12)]
    assert [part.name for part in after.sets if part.role == "train"] == ["learnt"]
    assert after.training["calibrated_on"] == {
        "track": "low", "select-real": 12, "calib-real": 34, "from": before.calibration_id
    }  # fmt: skip
    assert "low track" in after.notes
    assert (after.starter, after.derived_from) == (False, before.detector_id)


def test_the_faces_that_are_counted_have_the_scores_that_evaluation_gives_them(
    evaluated: Evaluation, calibrated: weights.Artefact
) -> None:
    rows = evaluated.rows["calib-real"]
    assert np.sort([row.score for row in rows]) == pytest.approx(calibrated.calibration.scores, abs=1e-4)
    # each is compared with all of them, itself among them: the ranks are those of exchangeable faces
    assert sorted(row.reached for row in rows) == pytest.approx(range(1, len(rows) + 1), abs=1)


def test_crops_of_another_size_than_the_artefact_takes_are_refused(home: Path, tmp_path: Path) -> None:
    made = tiny_artefact(tmp_path / "large")
    manifest.write(tmp_path / "large", replace(made.manifest, crop_px=448))
    with pytest.raises(listing.DataError, match="448 px"):
        calibrate_index(home, tmp_path / "out", track="low", artefact=tmp_path / "large", device="cpu")
    assert not (tmp_path / "out").exists()


# --- the figures


def test_each_source_that_both_have_is_asked_for_uniformity(evaluated: Evaluation) -> None:
    rows = {row["source"]: row for row in evaluated.figures["uniformity"]}
    assert {name: row["calibration_n"] for name, row in rows.items()} == CALIBRATING
    assert {name: row["test_n"] for name, row in rows.items()} == {
        "celeba__deepshield": 13, "utkface__mohanish": 10, "ffhq__dinablachman": 8
    }  # fmt: skip
    least = min(rows.values(), key=lambda row: row["p_value"])
    assert least["holm"] == pytest.approx(min(1.0, 3 * least["p_value"]))
    assert all(row["holm"] >= row["p_value"] for row in rows.values())


def test_faces_of_known_sources_are_judged_alike_by_bucket_and_as_they_are(
    evaluated: Evaluation, calibrated: weights.Artefact, home: Path, tmp_path: Path
) -> None:
    """The root, which alone serves here, holds faces as they are stored: so must those be that it judges."""
    log = tmp_path / "log.md"
    found = by_bucket(calibrated, home, openings=log, reason="small faces", splits=LOW)
    assert "| small faces (low track) (by bucket) |" in log.read_text()
    known = [row.p_value for row in evaluated.rows["test-real-id"]]
    for level in (0.05, 0.2, 0.5):
        told = found["known"]["any"][f"p<={level}"]
        assert (told["count"], told["n"]) == (sum(p <= level for p in known), 37)
    assert (found["untrained"]["any"]["n"], found["dfdc"]["any"]["n"]) == (9, 10)


def test_false_alarms_are_told_of_each_genuine_source(evaluated: Evaluation) -> None:
    sources = evaluated.figures["genuine_sources"]
    assert {name: each["n"] for name, each in sources["test-real-id"].items()} == {
        "celeba__deepshield": 13, "ffhq256__cdiaconu04": 6, "ffhq__dinablachman": 8, "utkface__mohanish": 10
    }  # fmt: skip
    assert sources["untrained"]["collections"] == ["lfw_deepfunneled__umass"]
    assert evaluated.figures["splits"]["track"] == "low"
    assert sum(bucket["n"] for bucket in evaluated.figures["reliability"]["test-real-id"].values()) == 37


def test_edits_of_a_person_stand_in_a_row_of_their_own_and_in_no_average(evaluated: Evaluation) -> None:
    entry = evaluated.figures["collections"]["attgan_celeba__lynnho"]
    assert (entry["n"], entry["independent"], entry["standing"]) == (39, 13, "apart")
    low, high = entry["against"]["test-real-id"]["fused"]["auc_interval"]
    assert low <= entry["against"]["test-real-id"]["fused"]["auc"] <= high
    for group in evaluated.figures["groups"].values():
        assert "attgan_celeba__lynnho" not in group["collections"]


def test_swaps_and_frames_of_one_video_are_one_item(evaluated: Evaluation) -> None:
    swaps = {row.unit for row in evaluated.rows["test-fake"] if row.crop.family == "swap"}
    frames = {row.unit for row in evaluated.rows["test-real-ood"] if row.crop.collection == "dfdc__i-shreyansh"}
    assert swaps == frames
    assert len(swaps) == 10
    people = Counter(row.unit for row in evaluated.rows["test-fake"] if row.crop.family == "edit")
    assert set(people.values()) == {3}


def made(units: list[str], scores: np.ndarray, label: str = "fake") -> list[Judged]:
    crop = listing.Crop("a.jpg", "test-fake", label, "attgan", "AttGAN", "edit", "")
    rows = zip(units, scores, strict=True)
    return [Judged(crop, unit, float(one), 0.5, 9, 4, "any/112", {"head": float(one)}, ()) for unit, one in rows]


def test_more_edits_of_the_same_people_make_no_interval_narrower() -> None:
    rng, reading = np.random.default_rng(3), Reading(Heads(), {}, 400)
    ground = reading.ground(made([f"g{at}" for at in range(60)], rng.normal(size=60), "real"))
    people, scores = [f"id{at:02}" for at in range(13)], rng.normal(0.6, size=13)
    once = reading.against(made(people, scores), ground, 0)["fused"].stated()
    often = reading.against(made(people * 14, np.tile(scores, 14)), ground, 0)["fused"].stated()
    assert often["auc"] == once["auc"]
    assert often["auc_interval"] == once["auc_interval"]
    as_if_free = reading.against(made([f"f{at}" for at in range(182)], np.tile(scores, 14)), ground, 0)
    low, high = as_if_free["fused"].stated()["auc_interval"]
    assert high - low < often["auc_interval"][1] - often["auc_interval"][0]


def test_a_pair_is_drawn_as_one() -> None:
    """Where each swap lies just above its own frame and far from others, pairs leave less to chance than faces do."""
    rng, reading = np.random.default_rng(4), Reading(Heads(), {}, 400)
    frames = 3 * rng.normal(size=40)
    pairs = [f"pair {at}" for at in range(40)]
    widths = []
    for others in (pairs, [f"free {at}" for at in range(40)]):
        ground = reading.ground(made(others, frames, "real"))
        low, high = reading.against(made(pairs, frames + 0.2), ground, 0)["fused"].stated()["auc_interval"]
        widths.append(high - low)
    assert widths[0] < widths[1] / 2


def test_a_share_of_few_people_is_no_surer_than_their_number_allows() -> None:
    edits = [True] * 28 + [False] * 154  # of 13 people, 14 each
    assert rate(edits, 13)["interval"] == [round(edge, 4) for edge in clopper_pearson(2, 13)]
    assert rate(edits, 13)["rate"] == rate(edits)["rate"]
    between = rate([True] * 30 + [False] * 152, 13)["interval"]
    assert between == [round(clopper_pearson(2, 13)[0], 4), round(clopper_pearson(3, 13)[1], 4)]
    assert rate(edits, len(edits)) == rate(edits)


def test_the_page_says_which_track_it_is_about(evaluated: Evaluation, tmp_path: Path) -> None:
    report.write(tmp_path / "report.html", evaluated)
    page = (tmp_path / "report.html").read_text()
    assert "low track" in page
    assert "attgan_celeba__lynnho" in page
    assert page.count("data:image/jpeg") == len(evaluated.pictures) > 0


# --- the commands


def both_tracks(home: Path) -> Path:
    """The same folder name for hq and low: what one track has, the other must not read."""
    written(home, LOW_PLAN, side=112, track="low", native_px=400)
    low = (home / "index.csv").read_text()
    written(home, [Made("test-real-id", "hq-alone", 3)], side=224)
    with (home / "index.csv").open("a") as stream:
        stream.write(low.partition("\n")[2])
    return home


def test_the_two_commands_measure_small_faces(
    shipped: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out, log = both_tracks(tmp_path / "data"), tmp_path / "low", tmp_path / "openings.md"
    common = ["--data", str(data), "--track", "low", "--device", "cpu", "--json"]
    assert main(["calibrate", *common, "--artefact", str(shipped), "--out", str(out)]) == 0
    told = json.loads(capsys.readouterr().out)
    judging = ["--artefact", str(out), "--reason", "small", "--openings", str(log), "--buckets"]
    assert main(["evaluate", *common, *judging]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["calibration_id"] == told["calibration_id"]
    assert len(figures["uniformity"]) == 3
    assert "hq-alone" not in figures["genuine_sources"]["test-real-id"]
    assert figures["reliability by bucket"]["known"]["any"]["n"] == 37
    assert [log.read_text().count(f"small (low track){part} |") for part in ("", " (by bucket)")] == [1, 1]


@pytest.mark.parametrize("option", ["--robustness", "--baselines", "--write-metrics"])
def test_what_only_large_faces_have_is_refused_before_any_work(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "openings.md"
    asked = ["evaluate", "--data", str(tmp_path), "--track", "low", "--reason", "x", "--openings", str(log), option]
    with pytest.raises(SystemExit) as left:
        main(asked)
    assert left.value.code == 2
    assert f"{option} does not go with --track low" in capsys.readouterr().err
    assert not log.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        ["--data", "x", "--reals", "y"],
        ["--reals", "x", "--track", "low"],
        ["--data", "x", "--faces", "y"],
        ["--data", "x", "--track", "mid"],
    ],
)
def test_options_of_calibrate_that_do_not_go_together_are_wrong_usage(wrong: list[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as left:
        main(["calibrate", "--out", str(tmp_path / "out"), *wrong])
    assert left.value.code == 2


def test_an_index_without_small_faces_is_an_error_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = written(tmp_path / "data", [Made("select-real", "a", 3)], side=16)
    assert main(["calibrate", "--data", str(data), "--track", "low", "--out", str(tmp_path / "out")]) == 1
    assert "no low crops of the split select-real" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    with (data / "index.csv").open() as stream:
        assert {row["track"] for row in csv.DictReader(stream)} == {"hq"}
