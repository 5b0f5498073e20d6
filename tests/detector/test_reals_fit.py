"""From a folder of photos to an artefact of the host's own: what changes, what stays, and what the report says."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from deepfake_guard.detector import faces, manifest, terms, weights
from deepfake_guard.detector.calibration import ROOT, Fold
from deepfake_guard.detector.manifest import FaceSet
from deepfake_guard.detector.training import reals
from deepfake_guard.detector.training.fit_flow import Schedule
from deepfake_guard.detector.training.reals_fit import REPORT, adapted, course, fit_reals

from .artefacts import tiny_artefact
from .own_photos import few as few
from .own_photos import shipped as shipped
from .pictures import written
from .test_reals_photos import EVERYWHERE, folder_of

BRIEF = Schedule(lr=1e-3, batch=8, epochs=2, variants=1, plateau=0, averages=20)


@pytest.fixture(scope="module")
def whole(shipped: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the whole road was gone once, from 40 photos."""
    home = tmp_path_factory.mktemp("whole")
    made(home, 40, shipped, quick=False)
    return home


def made(home: Path, count: int, shipped: Path, *, quick: bool, adapt: bool = False) -> weights.Artefact:
    written(folder_of(home / "photos", count) / os.fsdecode(b"<b>note \xe9.txt"), b"no picture")
    fit_reals(
        home / "photos", home / "own", quick=quick, adapt=adapt, artefact=shipped, device="cpu", finder=EVERYWHERE,
        schedule=BRIEF,
    )  # fmt: skip
    return loaded(home / "own")


def loaded(folder: Path) -> weights.Artefact:
    return weights.load(folder, device="cpu")


def test_an_artefact_in_the_folder_of_photos_is_not_read_as_photos(tmp_path: Path, shipped: Path) -> None:
    photos = folder_of(tmp_path / "photos", 14)
    for _ in range(2):
        report: list[str] = []
        fit_reals(
            photos, photos / "own", quick=True, artefact=shipped, device="cpu", finder=EVERYWHERE, say=report.append
        )
        assert not any("decode" in line for line in report), report


def crops_of(tmp_path: Path, quick: bool) -> reals.Prepared:
    return reals.prepare(tmp_path / "photos", tmp_path / "own.run", quick=quick, finder=EVERYWHERE)


def test_the_quick_road_keeps_model_and_fold_and_counts_own_faces(tmp_path: Path, shipped: Path) -> None:
    start = loaded(shipped)
    own = made(tmp_path, 14, shipped, quick=True)
    assert own.manifest.detector_id == start.manifest.detector_id
    assert own.calibration.buckets[ROOT].scales == start.calibration.buckets[ROOT].scales
    assert own.calibration.n == 14
    crops = crops_of(tmp_path, quick=True).of("calibrate")  # as they came: what a host has is what it gets
    expected = np.sort(start.calibration.fused(start.ensemble.score(crops).scores))
    np.testing.assert_allclose(own.calibration.scores, expected, rtol=1e-5)
    assert own.manifest.sets[-1] == FaceSet("own photos", "calibrate", 14, "the host's own")
    assert "calibrate" not in {each.role for each in own.manifest.sets[:-1]}


def test_where_all_calibrate_nobody_is_said_to_have_judged(tmp_path: Path, shipped: Path) -> None:
    figures = made(tmp_path, 14, shipped, quick=True).manifest.metrics["own_photos"]
    assert figures["held_out"] is False
    assert figures["before"]["p<=0.05"]["n"] == 14
    assert figures["after"] == {}
    said = (tmp_path / "own" / REPORT).read_text()
    assert "≤ 0.05 by construction" in said
    assert "Only the counting is of these photos. Signals and their scales are those of random-" in said


def test_faces_beyond_those_that_calibrate_judge(tmp_path: Path, shipped: Path) -> None:
    figures = made(tmp_path, 27, shipped, quick=True).manifest.metrics["own_photos"]
    assert figures["held_out"] is True
    assert figures["before"]["p<=0.05"]["n"] == figures["after"]["p<=0.05"]["n"] == 5
    assert "2 photos of the folder were not read" in (tmp_path / "own" / REPORT).read_text()


def test_the_whole_road_goes_on_from_the_shipped_flows(whole: Path, shipped: Path) -> None:
    own = loaded(whole / "own")
    before, after = loaded(shipped).model.state_dict(), own.model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before if name.startswith("backbone"))
    flows = [name for name in before if ".flow." in name and before[name].is_floating_point()]
    assert any(not torch.equal(before[name], after[name]) for name in flows)
    assert not torch.equal(before["layers.0.gaussian.mean"], after["layers.0.gaussian.mean"])
    roles = {each.role: each.n for each in own.manifest.sets}
    assert roles == {"train": 18, "select": 4, "calibrate": 14}
    assert own.manifest.training["own_photos"]["k"] == 4
    assert own.calibration.n == 14
    assert own.manifest.metrics["own_photos"]["after"]["p<=0.05"]["n"] == 4


def test_flows_that_only_grew_worse_stay_as_they_were_shipped(whole: Path, shipped: Path, tmp_path: Path) -> None:
    start, said = loaded(shipped).model, list[str]()
    wild = replace(BRIEF, lr=30.0, epochs=1)
    own, _ = adapted(start, crops_of(whole, quick=False), wild, tmp_path, said.append)
    assert said[-1] == "no epoch was better: the flows stay as they were"
    for mine, known in zip(own.stages(), start.stages(), strict=True):
        assert all(torch.equal(value, mine.flow.state_dict()[name]) for name, value in known.flow.state_dict().items())


@pytest.fixture(scope="module")
def aside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An artefact in which µFlow has no weight."""
    folder = tmp_path_factory.mktemp("aside")
    made = tiny_artefact(folder, decides="mahalanobis").manifest
    manifest.write(folder, replace(made, metrics={"select_nll": 1.5}))
    return folder


def test_where_muflow_decides_nothing_its_faces_calibrate_and_the_report_says_why(tmp_path: Path, aside: Path) -> None:
    start, own = loaded(aside), made(tmp_path, 40, aside, quick=False)
    assert own.manifest.detector_id == start.manifest.detector_id  # nothing that scores has changed
    assert own.manifest.metrics["select_nll"] == 1.5
    assert {each.role: each.n for each in own.manifest.sets} == {"select": 4, "calibrate": 32}
    assert own.calibration.n == 32
    assert own.calibration.buckets[ROOT].scales != start.calibration.buckets[ROOT].scales
    said = (tmp_path / "own" / REPORT).read_text()
    assert "What decides: Distance from the mean face." in said
    assert "no p-value that decides" in said
    assert "K = 4 faces would then make one average image: at most 500, at most a quarter of those that train" in said


def test_muflow_is_trained_on_by_name_where_it_decides_nothing(tmp_path: Path, aside: Path) -> None:
    own = made(tmp_path, 40, aside, quick=False, adapt=True)
    assert "select_nll" not in own.manifest.metrics  # that was of the flow before
    assert {each.role: each.n for each in own.manifest.sets} == {"train": 18, "select": 4, "calibrate": 14}
    assert own.manifest.training["own_photos"]["k"] == 4
    said = (tmp_path / "own" / REPORT).read_text()
    assert "K = 4 faces make one average image" in said
    assert "no p-value that decides" in said


def test_the_fold_of_the_whole_road_is_that_of_own_selection_faces(whole: Path, shipped: Path) -> None:
    own = loaded(whole / "own")
    centre = float(np.median(own.model.score(crops_of(whole, quick=False).of("select")).total))
    fold = own.calibration.buckets[ROOT].scales["muflow"]
    assert isinstance(fold, Fold)
    assert fold.centre == pytest.approx(centre, rel=1e-4)


def test_the_report_names_each_photo_not_used_and_escapes_it(whole: Path, shipped: Path) -> None:
    text = (whole / "own" / REPORT).read_text()
    assert r"&lt;b&gt;note \udce9.txt" in text
    assert "<b>note" not in text
    assert "decode_error" in text
    assert "K = 4 faces" in text
    assert "at most 31 of 256 bits" in text
    assert "1/15" in text
    assert "http" not in text


def test_terms_and_origin_of_the_shipped_weights_go_along(tmp_path: Path, shipped: Path) -> None:
    start = manifest.read(shipped)
    manifest.write(shipped, replace(start, terms=manifest.RESEARCH, starter=True, derived_from="muflow-1"))
    (shipped / "LICENSE").write_text("not for everything")
    (tmp_path / "again").mkdir()
    try:
        made(tmp_path, 14, shipped, quick=True)
        again = made(tmp_path / "again", 14, tmp_path / "own", quick=True).manifest
    finally:
        manifest.write(shipped, start)
    assert (again.terms, again.derived_from, again.starter) == ("research", start.detector_id, False)
    assert (tmp_path / "again" / "own" / "LICENSE").read_text() == "not for everything"


def test_what_is_made_from_the_permissive_weights_stays_free_of_research_terms(tmp_path: Path) -> None:
    own = made(tmp_path, 14, manifest.PERMISSIVE, quick=True).manifest
    start = manifest.read(manifest.PERMISSIVE)
    assert (own.terms, own.starter, own.derived_from) == ("", False, start.detector_id)
    assert terms.free(own.sets)
    assert (tmp_path / "own" / "LICENSE").read_text() == (manifest.PERMISSIVE / "LICENSE").read_text()


def test_too_few_photos_leave_no_artefact(tmp_path: Path, shipped: Path) -> None:
    with pytest.raises(reals.TooFewFaces, match="2 more are needed"):
        made(tmp_path, 8, shipped, quick=True)
    assert not (tmp_path / "own").exists()


def test_flows_never_go_on_from_training_with_other_roles_or_another_start(whole: Path, shipped: Path) -> None:
    other = reals.prepare(folder_of(whole / "more", 44), whole / "more.run", finder=EVERYWHERE)
    again = reals.prepare(folder_of(whole / "same", 40), whole / "same.run", finder=EVERYWHERE)
    kept = [path.name for path in (whole / "own.run").glob("flow-*")]
    start = loaded(shipped).manifest.detector_id
    assert kept == [course(again, start)]
    assert course(other, start) not in kept
    assert course(again, "another artefact") not in kept


def test_another_finder_can_be_named(tmp_path: Path, shipped: Path) -> None:
    nobody = faces.Finder("nobody", True, lambda _: [])
    with pytest.raises(reals.TooFewFaces, match="no_face 12"):
        fit_reals(
            folder_of(tmp_path / "photos", 12), tmp_path / "own", quick=True, artefact=shipped,
            device="cpu", finder=nobody,
        )  # fmt: skip
