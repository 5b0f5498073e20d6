"""Evaluating a finished detector on made pictures: on the record, once, and resampled by what is independent."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from deepfake_guard.detector import weights
from deepfake_guard.detector.calibration import Conditions
from deepfake_guard.detector.manifest import HeadCard
from deepfake_guard.detector.records import CropScore, SignalScore
from deepfake_guard.detector.training import crops as listing
from deepfake_guard.detector.training.evaluate import Evaluation, evaluate
from deepfake_guard.detector.training.evaluation_figures import Heads
from deepfake_guard.detector.training.evaluation_passport import measured
from deepfake_guard.detector.training.evaluation_splits import Splits
from deepfake_guard.detector.training.evaluation_table import score, table, unit
from deepfake_guard.detector.training.evaluation_unseen import Left, unseen_families
from deepfake_guard.detector.training.openings import note_opening

from .artefacts import tiny_artefact
from .collections_on_disk import written

pytest.importorskip("sklearn", reason="the extra `train` is not installed")


@pytest.fixture(scope="module")
def artefact(tmp_path_factory: pytest.TempPathFactory) -> weights.Artefact:
    return tiny_artefact(tmp_path_factory.mktemp("artefact"))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("data") / "crops")


@pytest.fixture(scope="module")
def evaluated(artefact: weights.Artefact, home: Path, tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    log = tmp_path_factory.mktemp("log") / "openings.md"
    return evaluate(artefact, home, openings=log, reason="a look", draws=30)


def test_it_states_what_a_release_is_judged_by(evaluated: Evaluation) -> None:
    figures = evaluated.figures
    assert json.loads(json.dumps(figures)) == figures
    assert set(figures["macro"]) == {
        "strange_folded_auc_id", "strange_folded_auc_ood", "known_auc_id", "combined_auc_id",
        "combined_auc_unseen_family",
    }  # fmt: skip
    counted = figures["groups"]["generators"]["collections"]
    each = [figures["collections"][name]["against"]["test-real-id"]["strange"]["auc"] for name in counted]
    assert figures["macro"]["strange_folded_auc_id"] == pytest.approx(np.mean(each), abs=1e-4)
    assert figures["macro"]["known_auc_id"] is None  # µFlow alone knows no generator
    assert figures["macro_intervals"]["combined_auc_id"][0] < figures["macro_intervals"]["combined_auc_id"][1]


def test_small_collections_and_swaps_count_in_no_average(evaluated: Evaluation) -> None:
    counted = evaluated.figures["groups"]["generators"]["collections"]
    assert "t2i_unknown__laboratoriet" in counted
    assert not {"dalle3__sfhq-t2i", "dfdc_faceswap__i-shreyansh"} & set(counted)
    assert evaluated.figures["collections"]["dalle3__sfhq-t2i"]["n"] == 3


def test_every_figure_has_its_n_and_its_interval(evaluated: Evaluation) -> None:
    entry = evaluated.figures["collections"]["sdxl__sfhq-t2i"]
    stated = entry["against"]["test-real-id"]["muflow"]
    for name in ("auc", "ap", "tpr_at_0.01", "tpr_at_0.05"):
        low, high = stated[f"{name}_interval"]
        assert 0 <= low <= high <= 1
    assert entry["n"] == entry["independent"] == 15
    alarms = evaluated.figures["genuine_sources"]["test-real-ood"]["unsplash__deepshield"]["p<=0.05"]
    assert alarms["interval"][0] <= alarms["rate"] <= alarms["interval"][1]
    assert alarms["n"] == 8


def test_the_passport_takes_the_headline_with_its_n_and_whose_it_is(evaluated: Evaluation) -> None:
    told, figures = measured(evaluated.figures), evaluated.figures
    assert (told["detector_id"], told["calibration_id"]) == (figures["detector_id"], figures["calibration_id"])
    area = told["areas"]["combined_auc_id"]
    assert area["auc"] == figures["macro"]["combined_auc_id"]
    assert area["collections"] == len(figures["groups"]["generators"]["collections"])
    assert area["genuine"] == sum(each["n"] for each in figures["genuine_sources"]["test-real-id"].values())
    assert told["false_alarms"]["p<=0.05"]["n"] == 8
    assert None not in told["areas"].values()


def test_calibration_and_test_faces_of_one_source_are_held_against_each_other(evaluated: Evaluation) -> None:
    (row,) = evaluated.figures["uniformity"]
    assert (row["source"], row["calibration_n"], row["test_n"]) == ("ffhq256__cdiaconu04", 12, 16)
    assert 0 < row["p_value"] <= row["holm"] <= 1


def test_the_same_source_is_a_comparison_of_its_own(evaluated: Evaluation) -> None:
    assert "same_source" in evaluated.figures["collections"]["stylegan1-ffhq__cdiaconu04"]["against"]
    assert "same_source" in evaluated.figures["collections"]["dfdc_faceswap__i-shreyansh"]["against"]
    assert "same_source" not in evaluated.figures["collections"]["sdxl__sfhq-t2i"]["against"]


def test_sources_that_heads_know_are_kept_out_of_the_pooled_false_alarms(evaluated: Evaluation) -> None:
    pooled = evaluated.figures["genuine_sources"]["untrained"]
    assert pooled["collections"] == ["unsplash__deepshield"]
    assert pooled["n"] == 8
    assert evaluated.figures["genuine_sources"]["dfdc"]["n"] == 10


def test_the_opening_is_written_down_once_and_only_where_a_picture_is_read(
    artefact: weights.Artefact, home: Path, tmp_path: Path
) -> None:
    log, kept = tmp_path / "openings.md", tmp_path / "scores.jsonl"
    first = evaluate(artefact, home, openings=log, reason="a first look", scores=kept, draws=5)
    assert log.read_text().count(artefact.manifest.detector_id) == 1
    assert "a first look" in log.read_text()
    again = evaluate(artefact, home, openings=log, reason="the report looked odd", scores=kept, draws=5)
    assert "odd" not in log.read_text()
    assert again.figures == first.figures


def test_an_opening_is_written_down_without_git_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    note_opening(tmp_path / "openings.md", "guard-1", "a look")
    assert "| no checkout | guard-1 | a look |" in (tmp_path / "openings.md").read_text()


def test_development_splits_are_no_opening(artefact: weights.Artefact, home: Path, tmp_path: Path) -> None:
    with pytest.raises(listing.DataError, match="head-real"):
        evaluate(artefact, home, openings=tmp_path / "log.md", reason="none", splits=Splits("select-real", "head-real"))
    assert not Splits("select-real", "head-real", "head-fake").opens_tests()
    assert not (tmp_path / "log.md").exists()


def test_the_test_splits_stay_shut_without_a_reason(artefact: weights.Artefact, home: Path, tmp_path: Path) -> None:
    for opening in (
        lambda: note_opening(tmp_path / "openings.md", "any", "  "),
        lambda: evaluate(artefact, home, openings=tmp_path / "openings.md", reason=" "),
    ):
        with pytest.raises(ValueError, match="reason"):
            opening()
    assert not (tmp_path / "openings.md").exists()


class Counting:
    """Scores the mean of the pixels, counts the faces, and can be stopped."""

    def __init__(self, stop_after: int = 10**9) -> None:
        self.seen, self.stop_after = 0, stop_after

    def score(self, crops: np.ndarray, _conditions: Sequence[Conditions]) -> list[CropScore]:
        if self.seen + len(crops) > self.stop_after:
            raise RuntimeError("killed")
        self.seen += len(crops)
        means = [float(crop.mean()) for crop in crops]
        return [CropScore(mean, 0.5, 9, 4, "any", {"muflow": SignalScore(mean, 0.5)}, (), None) for mean in means]


def test_a_stopped_scoring_goes_on_where_it_was(artefact: weights.Artefact, home: Path, tmp_path: Path) -> None:
    wanted, kept = listing.index(home, "test-fake"), tmp_path / "scores.jsonl"
    with pytest.raises(RuntimeError, match="killed"):
        table(Counting(stop_after=40), artefact.manifest, home, wanted, kept=kept)
    kept.write_text(kept.read_text()[:-20])  # the last line was cut off as well
    rest, lines = Counting(), list[str]()
    rows = table(rest, artefact.manifest, home, wanted, kept=kept, say=lines.append)
    assert [row.crop for row in rows] == wanted
    assert rest.seen == len(wanted) - 31
    assert f"of {rest.seen} faces" in lines[-1]
    assert rows == table(Counting(0), artefact.manifest, home, wanted, kept=kept)


def test_a_crop_that_has_changed_since_is_scored_anew(artefact: weights.Artefact, home: Path, tmp_path: Path) -> None:
    """Another picture under the same path, and the same one of another native size."""
    data, kept = Path(shutil.copytree(home, tmp_path / "crops")), tmp_path / "scores.jsonl"
    wanted = listing.index(data, "test-fake")
    table(Counting(), artefact.manifest, data, wanted, kept=kept)
    Image.new("RGB", (64, 64), "white").save(data / wanted[3].path)
    wanted[5] = replace(wanted[5], native_px=90)
    again = Counting()
    rows = table(again, artefact.manifest, data, wanted, kept=kept)
    assert (again.seen, rows[3].score) == (2, 255)
    assert rows == table(Counting(0), artefact.manifest, data, wanted, kept=kept)


@pytest.mark.parametrize("line", ['{"path": "a.png", "status": "done"}', '["a.png"]', "7", "notes of mine"])
def test_a_file_of_other_rows_is_refused_and_left_as_it_is(
    line: str, artefact: weights.Artefact, home: Path, tmp_path: Path
) -> None:
    kept, log = tmp_path / "scores.jsonl", tmp_path / "openings.md"
    kept.write_text(f"{line}\n")
    with pytest.raises(listing.DataError, match=r"line 1 of .*scores.jsonl is no scored face of evaluate"):
        evaluate(artefact, home, openings=log, reason="a look", scores=kept)
    assert kept.read_text() == f"{line}\n"
    assert not log.exists()


def test_crops_are_scored_under_the_conditions_they_came_in() -> None:
    pytest.importorskip("deepfake_guard.detector.calibration.conditions")
    asked: list[Any] = []

    class Asking(Counting):
        def score(self, crops: np.ndarray, conditions: Sequence[Conditions]) -> list[CropScore]:
            asked.extend(conditions)
            return super().score(crops, conditions)

    score(Asking(), np.zeros((2, 224, 224, 3), np.uint8), [250, 0], ["any", "webp"])
    assert [(one.native_px, one.encoding) for one in asked] == [(250, "any"), (224, "webp")]


def test_pairs_and_persons_are_the_independent_items() -> None:
    def crop(**facts: str) -> listing.Crop:
        plain = listing.Crop("a.jpg", "", "fake", "c", "", "", "")
        return replace(plain, **facts)  # type: ignore[arg-type]

    assert unit(crop(pair="r1", source="fake/x.png")) == unit(crop(label="real", pair="x", source="real/r1.jpg"))
    first, second = (unit(crop(source=f"fake/id07_attr{at}.png", path=f"{at}.jpg")) for at in ("00", "12"))
    assert first == second != unit(crop(source="fake/id08_attr00.png"))
    assert unit(crop()) == "a.jpg"


def test_heads_say_what_is_known_new_unseen_or_apart() -> None:
    passport: Any = SimpleNamespace(heads={"head": HeadCard(("SDXL",), ("diffusion",), 250, ())})
    heads = Heads.of(passport)
    assert heads.standing("SDXL", "diffusion") == "known"
    assert heads.standing("FLUX.1 pro", "diffusion") == "new generator"
    assert heads.standing("StyleGAN (1) FFHQ", "gan") == "unseen family"
    assert heads.standing("AttGAN", "edit") == heads.standing("?", "unknown") == "apart"
    bare: Any = SimpleNamespace(heads={})
    assert Heads.of(bare) == Heads()


def with_heads(evaluated: Evaluation, *families: str) -> Left:
    """The evaluated scores, read as if heads knew these families."""
    from deepfake_guard.detector.training.evaluation_figures import Reading

    reading = Reading(Heads(frozenset(), frozenset(), frozenset(families)), {}, 10)
    grounds = {name: reading.ground(evaluated.rows[name]) for name in ("test-real-id", "test-real-ood")}
    return Left("some", evaluated.rows["test-fake"], grounds, reading)


def test_a_known_family_needs_a_refit_that_never_saw_it(evaluated: Evaluation) -> None:
    own, refit = with_heads(evaluated, "diffusion", "swap"), with_heads(evaluated)
    block = unseen_families(own, {})
    assert block["missing"] == ["diffusion", "swap"]
    assert block["macro"] == {}
    assert set(block["families"]) == {"gan"}  # its heads do not know that family: it needs no refit
    both = unseen_families(own, {"diffusion": refit})
    assert both["macro"]["collections"] == [
        "sdxl__sfhq-t2i",
        "stylegan1-ffhq__cdiaconu04",
        "stylegan2-ada_ffhq__agegan",
    ]
    assert both["families"]["diffusion"]["collections"].keys() == {"dalle3__sfhq-t2i", "sdxl__sfhq-t2i"}


def test_a_refit_that_knows_its_family_is_refused(artefact: weights.Artefact, home: Path, tmp_path: Path) -> None:
    heads = {"head": HeadCard(("SDXL",), ("diffusion",), 250, ())}
    spoilt = replace(artefact, manifest=replace(artefact.manifest, heads=heads))
    with pytest.raises(ValueError, match="has seen diffusion"):
        evaluate(artefact, home, openings=tmp_path / "log.md", reason="x", refits={"diffusion": spoilt})
    assert not (tmp_path / "log.md").exists()


def test_refits_are_scored_beside_the_artefact(artefact: weights.Artefact, home: Path, tmp_path: Path) -> None:
    log = tmp_path / "openings.md"
    refits = {"gan": artefact}
    result = evaluate(artefact, home, openings=log, reason="refits", refits=refits, draws=5)
    assert {row.crop.family for row in result.refits["gan"]["test-fake"]} == {"gan"}
    assert len(result.refits["gan"]["test-real-id"]) == 16
    own = result.figures["collections"]["stylegan1-ffhq__cdiaconu04"]["against"]["test-real-id"]["fused"]["auc"]
    block = result.figures["unseen_family"]["families"]["gan"]["collections"]["stylegan1-ffhq__cdiaconu04"]
    assert block["against"]["test-real-id"]["fused"]["auc"] == own
