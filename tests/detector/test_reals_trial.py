"""A trial deals the photos of one source out, fits on some, and judges only the others, before and after."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from deepfake_guard.detector import faces, weights
from deepfake_guard.detector.__main__ import main
from deepfake_guard.detector.training import photos
from deepfake_guard.detector.training.fit_flow import Schedule
from deepfake_guard.detector.training.reals_trial import Plan, trial
from deepfake_guard.detector.training.stored_scores import StoredScores

from .collections_on_disk import Made
from .collections_on_disk import written as collection
from .own_photos import few as few
from .own_photos import shipped as shipped
from .pictures import saved
from .test_reals_photos import EVERYWHERE, folder_of

BRIEF = Schedule(lr=1e-3, batch=8, epochs=1, variants=0, averages=8)
PLAN = Plan(fit=30, calibrating=12, draws=4)


def tried(home: Path, shipped: Path, **options: Any) -> dict[str, Any]:
    paths = photos.listed(home / "photos")
    return trial(
        home / "photos", paths, home / "out", artefact=shipped, plan=PLAN, device="cpu", finder=EVERYWHERE,
        schedule=BRIEF, **options,
    )  # fmt: skip


@pytest.fixture(scope="module")
def whole(shipped: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Where the whole road was gone once, from 30 of 46 photos, two of them copies of one."""
    home = tmp_path_factory.mktemp("trial")
    folder_of(home / "photos", 45)
    saved(home / "photos" / "again.jpg", Image.open(home / "photos" / "003.jpg"), quality=80)
    return home, tried(home, shipped)


def test_photos_that_fit_are_never_judged(whole: tuple[Path, dict[str, Any]]) -> None:
    home, found = whole
    assert found["photos"] == {"read": 46, "fit": 30, "judged": 15, "dropped": {"near_duplicate": 1}}
    assert len(photos.listed(home / "out" / "photos")) == 30
    assert found["own_photos"]["k"] == 3
    for side in ("before", "after"):
        assert found["false_alarms"][side]["p<=0.05"]["n"] == 15
    kept = json.loads((home / "out" / "trial.json").read_text())
    assert {**kept, "minutes": None} == {**found, "minutes": None}  # another test goes on from it


def test_the_new_artefact_judges_as_it_does_anywhere(whole: tuple[Path, dict[str, Any]]) -> None:
    home, found = whole
    own = weights.load(home / "out" / "artefact", device="cpu")
    fitted = {path.name for path in photos.listed(home / "out" / "photos")}
    left = [path for path in photos.listed(home / "photos") if path.name not in fitted | {"again.jpg"}]
    crops = np.stack([faces.find(np.asarray(Image.open(path)), EVERYWHERE)[0][1] for path in left])
    fused = own.calibration.fused(own.ensemble.score(crops).scores)
    reached = (own.calibration.scores[None] >= fused[:, None]).sum(1)
    alarms = int(((1 + reached) / (own.calibration.n + 1) <= 0.05).sum())
    assert found["after"]["artefact"] == own.manifest.detector_id
    assert found["false_alarms"]["after"]["p<=0.05"]["alarms"] == alarms


def test_each_draw_recalibrates_with_its_own_photos_and_judges_the_rest(whole: tuple[Path, dict[str, Any]]) -> None:
    draws = whole[1]["draws"]
    assert (draws["calibrating"], draws["judged"], draws["draws"]) == (12, 33, 4)
    for kind in ("recalibrated", "as-they-came"):
        assert 0 <= draws[kind]["p<=0.01"]["mean"] <= draws[kind]["p<=0.05"]["mean"] <= 1
    assert draws["as-they-came"]["p<=0.05"]["mean"] == 0  # twelve faces cannot tell one in twenty


def test_a_second_run_scores_nothing_anew(
    whole: tuple[Path, dict[str, Any]], shipped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, found = whole
    kept: list[str] = []
    monkeypatch.setattr(StoredScores, "keep", lambda *given: kept.append(given[3]))
    again = tried(home, shipped)
    assert kept == []
    assert again["minutes"]["resumed"] is True
    assert again["false_alarms"] == found["false_alarms"]
    assert again["draws"] == found["draws"]


def test_too_few_photos_are_refused_before_anything_is_fitted(shipped: Path, tmp_path: Path) -> None:
    folder_of(tmp_path / "photos", 20)
    with pytest.raises(ValueError, match="20 usable photos: 30 are to fit"):
        tried(tmp_path, shipped)
    assert not (tmp_path / "out" / "artefact").exists()


@pytest.fixture
def command(shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """`trial` on a collection of 32 test faces, with a finder that takes each picture whole."""
    monkeypatch.setattr(faces, "choose", lambda *_: EVERYWHERE)
    data = collection(tmp_path / "data", [Made("test-real-ood", "a", 32), Made("test-fake", "b", 3, "B", "gan")], 96)
    openings = ["--openings", str(tmp_path / "openings.md"), "--out", str(tmp_path / "out"), "--quick"]
    sizes = ["--fit", "12", "--calibrating", "10", "--draws", "2", "--artefact", str(shipped), "--device", "cpu"]
    return ["trial", "--data", str(data), *openings, *sizes]


def test_a_test_split_is_opened_on_the_record(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--collection", "a", "--reason", "a try", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["photos"]["judged"] == 20
    assert main([*command, "--collection", "a", "--reason", "a try"]) == 0  # goes on: opens nothing anew
    log = (tmp_path / "openings.md").read_text()
    assert log.count("a try (a alone") == 1


def test_a_test_split_without_a_reason_and_fakes_are_refused(command: list[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as left:
        main([*command, "--collection", "a"])
    assert left.value.code == 2
    assert main([*command, "--collection", "b", "--split", "test-fake", "--reason", "a try"]) == 1
    assert main([*command, "--collection", "c", "--reason", "a try"]) == 1
    assert not (tmp_path / "openings.md").exists()
