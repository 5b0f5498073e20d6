"""`python -m deepfake_guard.detector score`: its rows, its table, what it leaves out."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from deepfake_guard.detector.__main__ import main
from deepfake_guard.detector.cli import files
from deepfake_guard.detector.training.crops import DataError

from .artefacts import artefact as artefact
from .finders import YUNET
from .pictures import coffee, encoded, portrait, saved, written

ROOT = Path(__file__).parents[2]


@pytest.fixture
def score(artefact: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run `score --json` in this process -> (exit status, rows)."""

    def run(*arguments: str | Path) -> tuple[int, list[dict[str, Any]]]:
        options = ["--json", "--artefact", artefact, "--device", "cpu", "--faces", str(tmp_path / "none")]
        status = main(["score", *map(str, arguments), *options])
        return status, [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return run


def test_a_row_has_what_is_documented(score: Any, tmp_path: Path) -> None:
    pair = Image.new("RGB", (1024, 512))
    pair.paste(portrait(), (0, 0))
    pair.paste(portrait(), (512, 0))
    status, (row,) = score(saved(tmp_path / "pair.png", pair))
    assert status == 0
    assert set(row) == {"path", "status", "reasons", "p_value", "n", "faces"}
    assert (row["path"], row["status"], row["n"]) == (str(tmp_path / "pair.png"), "done", 40)
    assert len(row["faces"]) == 2
    for face in row["faces"]:
        assert {"box", "score", "p_value", "signals"} <= set(face)
        assert set(face["box"]) == {"x", "y", "width", "height"}
        assert set(face["signals"]["muflow"]) == {"score", "p_value"}
    assert row["p_value"] == min(1.0, 2 * min(face["p_value"] for face in row["faces"]))


def test_what_has_no_face_has_no_p_value_and_is_no_failure(score: Any, tmp_path: Path) -> None:
    status, (row,) = score(saved(tmp_path / "cup.png", coffee()))
    assert status == 0
    assert (row["status"], row["reasons"], row["p_value"], row["faces"]) == ("not_applicable", ["no_face"], None, [])


def test_an_unreadable_or_missing_file_is_a_failure_and_the_others_are_scored(score: Any, tmp_path: Path) -> None:
    broken = written(tmp_path / "broken.jpg", encoded(portrait(), "JPEG")[:5000])
    status, rows = score(broken, tmp_path / "missing.jpg", saved(tmp_path / "good.png", portrait()))
    assert status == 1
    assert [(row["status"], row["reasons"]) for row in rows[:2]] == [
        ("not_applicable", ["decode_error"]),
        ("failed", ["FileNotFoundError"]),
    ]
    assert rows[2]["status"] == "done"


def test_folders_are_searched_and_globs_expanded_in_order(score: Any, tmp_path: Path) -> None:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    for name in ("in/b.png", "in/a.JPG", "in/deep/c.webp", "other.png"):
        saved(tmp_path / name, coffee().resize((60, 40)))
    written(tmp_path / "in" / "notes.txt", b"no picture")
    _, rows = score(tmp_path / "in", f"{tmp_path}/oth*.png")
    names = [str(Path(row["path"]).relative_to(tmp_path)) for row in rows]
    assert names == ["in/a.JPG", "in/b.png", "in/deep/c.webp", "other.png"]


def test_a_name_with_brackets_is_a_name_not_a_pattern(score: Any, tmp_path: Path) -> None:
    status, (row,) = score(saved(tmp_path / "a [1].png", coffee().resize((60, 40))))
    assert (status, Path(row["path"]).name) == (0, "a [1].png")


def test_crops_are_scored_whole(score: Any, tmp_path: Path) -> None:
    native = saved(tmp_path / "a.png", portrait().crop((149, 46, 296, 193)).resize((224, 224)))
    larger = saved(tmp_path / "b.png", portrait())
    status, rows = score("--crops", native, larger, written(tmp_path / "c.png", b"no"))
    assert status == 1
    assert [row["status"] for row in rows] == ["done", "done", "not_applicable"]  # as of a whole picture
    assert rows[0]["faces"][0]["box"] == {"x": 0, "y": 0, "width": 224, "height": 224}
    assert 0 < rows[0]["p_value"] <= 1
    assert rows[2]["reasons"] == ["decode_error"]


def test_the_table_of_values_has_a_row_a_face_and_every_signal(
    artefact: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    face, cup = saved(tmp_path / "a.png", portrait()), saved(tmp_path / "b.png", coffee())
    options = ["--csv", "--artefact", artefact, "--device", "cpu", "--faces", str(tmp_path)]
    assert main(["score", str(face), str(cup), *options]) == 0
    first, second = csv.DictReader(capsys.readouterr().out.splitlines())
    assert 0 < float(first["muflow p_value"]) == float(first["p_value"]) <= 1
    assert (first["face"], first["n"]) == ("1", "40")
    assert (second["status"], second["reasons"], second["p_value"]) == ("not_applicable", "no_face", "")


def test_the_table_of_values_has_the_same_columns_where_no_face_was_scored(
    artefact: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--csv", "--artefact", artefact, "--device", "cpu", "--faces", str(tmp_path)]
    heads = []
    for picture in (portrait(), coffee()):
        assert main(["score", str(saved(tmp_path / "a.png", picture)), *options]) == 0
        heads.append(capsys.readouterr().out.splitlines()[0])
    assert heads[0] == heads[1]
    assert "strange p_value" in heads[0]


@pytest.mark.parametrize("shape", ["--json", "--csv", None])
def test_a_file_whose_name_is_not_utf_8_is_scored_and_named(
    shape: str | None, artefact: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = saved(tmp_path / os.fsdecode(b"caf\xe9.png"), portrait())
    options = ["--artefact", artefact, "--device", "cpu", "--faces", str(tmp_path), *([shape] if shape else [])]
    assert main(["score", str(path), *options]) == 0
    assert r"caf\udce9.png" in capsys.readouterr().out


def test_a_crop_has_the_native_size_that_its_index_says(tmp_path: Path) -> None:
    (tmp_path / "hq").mkdir()
    listed, other = (saved(tmp_path / "hq" / name, coffee().resize((60, 40))) for name in ("a.png", "b.png"))
    (tmp_path / "index.csv").write_text("path,native_crop_px\nhq/a.png,137\n")
    assert (files.native_px(listed), files.native_px(other)) == (137, None)


def test_an_index_that_does_not_list_a_crop_leaves_it_to_the_next_above(tmp_path: Path) -> None:
    (tmp_path / "hq").mkdir()
    listed, unknown = (saved(tmp_path / "hq" / name, coffee().resize((60, 40))) for name in ("a.png", "b.png"))
    (tmp_path / "hq" / "index.csv").write_text("path,native_crop_px\nb.png,\n")
    (tmp_path / "index.csv").write_text("path,native_crop_px\nhq/a.png,137\nhq/b.png,137\n")
    assert (files.native_px(listed), files.native_px(unknown)) == (137, None)


def test_an_index_of_crops_that_is_not_utf_8_is_refused_by_name_and_any_other_table_is_none(tmp_path: Path) -> None:
    for name, columns in (("crops", "path,native_crop_px"), ("other", "name,size")):
        (tmp_path / name).mkdir()
        written(tmp_path / name / "index.csv", f"{columns}\ncaf\xe9.png,100\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"crops/index.csv is not UTF-8 \(byte 23\)"):
        files.native_px(tmp_path / "crops" / "a.png")
    assert files.native_px(tmp_path / "other" / "a.png") is None


def test_a_crop_smaller_than_any_calibration_face_is_not_scored(score: Any, tmp_path: Path) -> None:
    status, (row,) = score("--crops", saved(tmp_path / "a.png", portrait().resize((40, 40))))
    assert (status, row["reasons"], row["p_value"]) == (0, ["face_too_small"], None)


def test_a_closed_pipe_is_quiet(artefact: str, tmp_path: Path) -> None:
    for at in range(12):
        saved(tmp_path / f"{at:02}.png", portrait(256))
    line = f"{sys.executable} -m deepfake_guard.detector score {tmp_path} --json --artefact {artefact} | head -1"
    cut = subprocess.run(["bash", "-c", line], capture_output=True, text=True, cwd=ROOT, timeout=120, check=True)
    (only,) = cut.stdout.splitlines()
    assert json.loads(only)["path"] == str(tmp_path / "00.png")
    assert "Error" not in cut.stderr


def test_the_table_is_whole_in_a_pipe(artefact: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = saved(tmp_path / ("a-rather-long-name-" * 8 + ".png"), portrait())
    assert main(["score", str(path), "--artefact", artefact, "--device", "cpu"]) == 0
    shown = capsys.readouterr().out
    assert path.name in shown
    assert "(n = 40)" in shown
    assert "People decide" in shown


def test_signals_muflow_leaves_muflow_alone(score: Any, tmp_path: Path) -> None:
    _, (row,) = score("--crops", "--signals", "muflow", saved(tmp_path / "a.png", portrait()))
    face = row["faces"][0]
    assert face["signals"]["muflow"]["p_value"] == face["p_value"]


@pytest.mark.skipif(not YUNET.is_file(), reason="YuNet's file is not beside the checkout")
def test_installing_the_right_face_finder_ends_the_low_quality_remark(
    artefact: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["faces", "install", str(YUNET), "--faces", str(tmp_path / "folder")]) == 0
    picture, reasons = saved(tmp_path / "a.png", portrait()), []
    for folder in ("elsewhere", "folder"):
        capsys.readouterr()
        options = ["--json", "--artefact", artefact, "--device", "cpu", "--faces", str(tmp_path / folder)]
        assert main(["score", str(picture), *options]) == 0
        reasons.append(json.loads(capsys.readouterr().out)["reasons"])
    assert reasons == [["low_quality_face_finder"], []]
