"""Threads read files while the networks score: nothing changes by it, and nothing is left behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from deepfake_guard.detector import faces, media, weights
from deepfake_guard.detector.pipeline import AHEAD, Detector
from deepfake_guard.detector.records import MediaReport

from .artefacts import tiny_artefact
from .pictures import coffee, portrait, rgb, saved

FINDER = faces.choose(Path("no such folder"))


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Detector]:
    made = Detector(tiny_artefact(tmp_path_factory.mktemp("artefact")), FINDER)
    made.warm_up()
    yield made
    made.close()


@pytest.fixture(scope="module")
def artefact(detector: Detector) -> weights.Artefact:
    return detector.artefact


def test_reading_ahead_changes_no_box_no_score_and_no_picture(detector: Detector, tmp_path: Path) -> None:
    """Each thread's share of a batch, done here one after the other: to the last bit."""
    pictures = [portrait(), portrait(700), coffee(), portrait().rotate(5)]
    paths = [saved(tmp_path / f"{at}.png", picture) for at, picture in enumerate(pictures)]
    reports = [outcome for outcome in detector.examine_many(paths) if isinstance(outcome, MediaReport)]
    alone = [rgb(picture) for picture in pictures]
    found = [faces.find(pixels, detector.finder) for pixels in alone]
    assert [[face.face for face in report.faces] for report in reports] == [
        [face for face, _ in each] for each in found
    ]
    scores = detector.score(np.stack([crop for each in found for face, crop in each if not face.reason]))
    judged = [face.result for report in reports for face in report.faces if face.result is not None]
    assert len(judged) == len(scores) > 2
    assert [one.signals["muflow"].score for one in judged] == [one.signals["muflow"].score for one in scores]
    for report, pixels in zip(reports, alone, strict=True):
        assert report.fingerprint == media.fingerprint(pixels)
        assert report.derivatives[:2] == (media.thumbnail(pixels), media.view(pixels))


def test_reading_runs_ahead_of_scoring_by_a_bounded_number_of_files(detector: Detector, tmp_path: Path) -> None:
    asked: list[int] = []
    path = saved(tmp_path / "same.png", coffee().resize((64, 48)))

    def paths() -> Iterator[Path]:
        for at in range(4 * AHEAD):
            asked.append(at)
            yield path

    outcomes = detector.examine_many(paths())
    next(outcomes)
    assert len(asked) <= 2 * AHEAD + 1
    assert len(list(outcomes)) == 4 * AHEAD - 1


def test_whoever_stops_early_leaves_a_detector_that_works(artefact: weights.Artefact, tmp_path: Path) -> None:
    path = saved(tmp_path / "a.jpg", portrait())
    with closing(Detector(artefact, FINDER)) as detector:
        with closing(detector.examine_many([path] * (3 * AHEAD))) as outcomes:  # type: ignore[type-var]
            assert isinstance(next(outcomes), MediaReport)
        assert not [thread for thread in threading.enumerate() if thread.name.startswith(("reader", "pictures"))]
        assert detector.examine(path).status == "done"


def test_an_error_while_scoring_ends_the_reading(artefact: weights.Artefact, tmp_path: Path) -> None:
    path = saved(tmp_path / "a.jpg", portrait())
    with closing(Detector(artefact, FINDER)) as detector:
        working = detector.artefact
        detector.artefact = replace(working, calibration=replace(working.calibration, buckets={}))
        with pytest.raises((KeyError, ValueError)):
            list(detector.examine_many([path] * (3 * AHEAD)))
        detector.artefact = working
        assert detector.examine(path).status == "done"
