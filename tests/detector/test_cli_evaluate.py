"""`evaluate` from the command line: figures, openings, and what it lacks told before a test face is read."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
from PIL import Image

from deepfake_guard.detector.__main__ import main

from .artefacts import artefact as artefact
from .artefacts import noise_crops
from .pictures import saved


@pytest.fixture
def noise(tmp_path: Path) -> Path:
    """Three faces of noise in each test split."""
    names = ("path", "track", "split", "label", "collection", "generator", "family", "licence")
    with (tmp_path / "index.csv").open("w", newline="") as stream:
        listing = csv.writer(stream)
        listing.writerow(names)
        for seed, split in enumerate(("test-real-id", "test-real-ood", "test-fake")):
            for at, pixels in enumerate(noise_crops(3, seed)):
                saved(tmp_path / f"{split}-{at}.png", Image.fromarray(pixels))
                listing.writerow((f"{split}-{at}.png", "hq", split, "", split, "", "gan", "none"))
    return tmp_path


def test_evaluate_prints_figures_and_writes_down_the_opening(
    artefact: str, noise: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "openings.md"
    options = [
        "--json",
        "--artefact",
        artefact,
        "--device",
        "cpu",
        "--openings",
        str(log),
        "--reason",
        "a test of the command",
        "--buckets",
    ]
    assert main(["evaluate", "--data", str(noise), *options]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert {"macro", "collections", "genuine_sources"} <= set(figures)
    assert figures["reliability by bucket"]["untrained"]["any"]["n"] == 3
    assert "a test of the command" in log.read_text()


def test_evaluate_makes_the_folders_of_what_it_writes(artefact: str, noise: Path) -> None:
    paths = [noise / "new" / name for name in ("report.html", "scores.jsonl", "log.txt")]
    files = [part for option, path in zip(("--html", "--scores", "--openings"), paths, strict=True)
             for part in (option, str(path))]  # fmt: skip
    options = ["--artefact", artefact, "--device", "cpu", "--reason", "a look"]
    assert main(["evaluate", "--data", str(noise), *options, *files]) == 0
    assert all(path.stat().st_size for path in paths)


def test_evaluate_tells_false_alarms_beside_the_areas(
    artefact: str, noise: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--artefact", artefact, "--device", "cpu", "--openings", str(noise / "log.txt"), "--reason", "a look"]
    assert main(["evaluate", "--data", str(noise), *options]) == 0
    said = capsys.readouterr().out
    assert "strange folded auc id" in said
    assert re.search(r"p ≤ 0\.05.*\d\.\d{3}.*\d\.\d{3}–\d\.\d{3}.*3", said)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--html", "{}/index.csv/report.html"], "index.csv"),
        (["--baselines"], "no hq crops of the split train-real"),
    ],
)
def test_what_evaluate_lacks_at_its_end_is_told_before_a_test_face_is_read(
    artefact: str, noise: Path, capsys: pytest.CaptureFixture[str], more: list[str], words: str
) -> None:
    log = noise / "log.txt"
    options = ["--artefact", artefact, "--device", "cpu", "--openings", str(log), "--reason", "a look"]
    assert main(["evaluate", "--data", str(noise), *options, *(one.format(noise) for one in more)]) == 1
    assert words in capsys.readouterr().err
    assert not log.exists()
