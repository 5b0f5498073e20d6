"""From a folder of photos to an artefact of the host's own: what changes, what stays, and what the report says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from deepfake_guard.detector import faces, weights
from deepfake_guard.detector.calibration import ROOT, Fold
from deepfake_guard.detector.manifest import GenuineSet
from deepfake_guard.detector.training import reals
from deepfake_guard.detector.training.fit_flow import Schedule
from deepfake_guard.detector.training.reals_fit import REPORT, fit_reals

from .artefacts import tiny_artefact
from .pictures import written
from .test_reals_photos import EVERYWHERE, folder_of

BRIEF = Schedule(lr=1e-3, batch=8, epochs=2, variants=1, plateau=0, averages=20)


@pytest.fixture
def shipped(tmp_path: Path) -> weights.Artefact:
    return tiny_artefact(tmp_path / "shipped")


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"FULL_FROM": 30, "QUICK_FROM": 10, "QUICK_MOST": 20, "QUICK_JUDGE": 5}.items():
        monkeypatch.setattr(reals, name, value)


def made(tmp_path: Path, count: int, *, quick: bool) -> weights.Artefact:
    home = folder_of(tmp_path / "photos", count)
    written(home / "<b>note.txt", b"no picture")
    fit_reals(
        home,
        tmp_path / "own",
        quick=quick,
        artefact=tmp_path / "shipped",
        device="cpu",
        finder=EVERYWHERE,
        schedule=BRIEF,
    )
    return weights.load(tmp_path / "own", device="cpu")


def crops_of(tmp_path: Path, quick: bool) -> reals.Prepared:
    return reals.prepare(tmp_path / "photos", tmp_path / "own.run", quick=quick, finder=EVERYWHERE)


def test_the_quick_road_keeps_model_and_fold_and_counts_own_faces(tmp_path: Path, shipped: weights.Artefact) -> None:
    own = made(tmp_path, 14, quick=True)
    assert own.manifest.detector_id == shipped.manifest.detector_id.replace("random", "muflow")
    assert own.calibration.buckets[ROOT].scales == shipped.calibration.buckets[ROOT].scales
    assert own.calibration.n == 14
    crops = crops_of(tmp_path, quick=True).of("calibrate")
    expected = np.sort(shipped.calibration.fused(shipped.ensemble.score(crops).scores))
    np.testing.assert_allclose(own.calibration.scores, expected, rtol=1e-5)
    assert own.manifest.sets[-1] == GenuineSet("own photos", "calibrate", 14, "the host's own")
    assert "calibrate" not in {each.role for each in own.manifest.sets[:-1]}


def test_where_all_calibrate_nobody_is_said_to_have_judged(tmp_path: Path, shipped: weights.Artefact) -> None:
    figures = made(tmp_path, 14, quick=True).manifest.metrics["own_photos"]
    assert figures["held_out"] is False
    assert figures["before"]["p<=0.05"]["n"] == 14
    assert figures["after"] == {}
    assert "≤ 0.05 by construction" in (tmp_path / "own" / REPORT).read_text()


def test_faces_beyond_those_that_calibrate_judge(tmp_path: Path, shipped: weights.Artefact) -> None:
    figures = made(tmp_path, 27, quick=True).manifest.metrics["own_photos"]
    assert figures["held_out"] is True
    assert figures["before"]["p<=0.05"]["n"] == figures["after"]["p<=0.05"]["n"] == 5


def test_the_whole_road_goes_on_from_the_shipped_flows(tmp_path: Path, shipped: weights.Artefact) -> None:
    own = made(tmp_path, 40, quick=False)
    before, after = shipped.model.state_dict(), own.model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before if name.startswith("backbone"))
    flows = [name for name in before if ".flow." in name and before[name].is_floating_point()]
    assert any(not torch.equal(before[name], after[name]) for name in flows)
    assert not torch.equal(before["layers.0.gaussian.mean"], after["layers.0.gaussian.mean"])
    roles = {each.role: each.n for each in own.manifest.sets}
    assert roles == {"train": 18, "select": 4, "calibrate": 14}
    assert own.manifest.training["own_photos"]["k"] == 4
    assert own.calibration.n == 14
    assert own.manifest.metrics["own_photos"]["after"]["p<=0.05"]["n"] == 4


def test_the_fold_of_the_whole_road_is_that_of_own_selection_faces(tmp_path: Path, shipped: weights.Artefact) -> None:
    own = made(tmp_path, 40, quick=False)
    crops = crops_of(tmp_path, quick=False).of("select")
    centre = float(np.median(own.model.score(crops).total))
    fold = own.calibration.buckets[ROOT].scales["muflow"]
    assert isinstance(fold, Fold)
    assert fold.centre == pytest.approx(centre, rel=1e-4)


def test_the_report_names_each_photo_not_used_and_escapes_it(tmp_path: Path, shipped: weights.Artefact) -> None:
    made(tmp_path, 40, quick=False)
    text = (tmp_path / "own" / REPORT).read_text()
    assert "&lt;b&gt;note.txt" in text
    assert "<b>note" not in text
    assert "decode_error" in text
    assert "K = 4 faces" in text
    assert "at most 31 of 256 bits" in text
    assert "1/15" in text
    assert "http" not in text


def test_too_few_photos_leave_no_artefact(tmp_path: Path, shipped: weights.Artefact) -> None:
    with pytest.raises(reals.TooFewFaces, match="2 more are needed"):
        made(tmp_path, 8, quick=True)
    assert not (tmp_path / "own").exists()


def test_with_recutting_only_buckets_with_shipped_scales_are_counted(tmp_path: Path, shipped: weights.Artefact) -> None:
    asked: list[str] = []

    def recut(crops: np.ndarray, native: np.ndarray, bucket: str, seed: int) -> np.ndarray:
        asked.append(bucket)
        return crops[native > 0]

    home = folder_of(tmp_path / "photos", 14)
    common = {"artefact": tmp_path / "shipped", "device": "cpu", "finder": EVERYWHERE, "recut": recut}
    fit_reals(home, tmp_path / "own", quick=True, **common)  # type: ignore[arg-type]
    assert asked == []
    folder_of(home, 40)
    fit_reals(home, tmp_path / "whole", schedule=replace(BRIEF, epochs=1), **common)  # type: ignore[arg-type]
    assert {"any/64", "jpeg90/112", "webp/200", "lossless/64"} <= set(asked)
    assert set(weights.load(tmp_path / "whole", device="cpu").calibration.counts()) == {ROOT}


def test_another_finder_can_be_named(tmp_path: Path, shipped: weights.Artefact) -> None:
    nobody = faces.Finder("nobody", True, lambda _: [])
    with pytest.raises(reals.TooFewFaces, match="no_face 12"):
        fit_reals(
            folder_of(tmp_path / "photos", 12), tmp_path / "own", quick=True, artefact=tmp_path / "shipped",
            device="cpu", finder=nobody,
        )  # fmt: skip
