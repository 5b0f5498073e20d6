"""`python -m deepfake_guard.detector`: what it prints, where, and with which exit status."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from deepfake_guard.detector import faces
from deepfake_guard.detector.__main__ import main
from deepfake_guard.detector.cli import files

from .artefacts import noise_crops, tiny_artefact
from .finders import YUNET
from .pictures import coffee, encoded, portrait, saved, written

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def artefact(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("artefact")
    tiny_artefact(folder)
    return str(folder)


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
    assert [row["status"] for row in rows] == ["done", "done", "failed"]
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


def test_a_crop_has_the_native_size_that_its_index_says(tmp_path: Path) -> None:
    (tmp_path / "hq").mkdir()
    listed, other = (saved(tmp_path / "hq" / name, coffee().resize((60, 40))) for name in ("a.png", "b.png"))
    (tmp_path / "index.csv").write_text("path,native_crop_px\nhq/a.png,137\n")
    assert (files.native_px(listed), files.native_px(other)) == (137, None)


def test_a_crop_smaller_than_any_calibration_face_is_not_scored(score: Any, tmp_path: Path) -> None:
    status, (row,) = score("--crops", saved(tmp_path / "a.png", portrait().resize((40, 40))))
    assert (status, row["reasons"], row["p_value"]) == (0, ["face_too_small"], None)


def test_explain_writes_a_picture_and_a_page_for_each_face(
    artefact: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = saved(tmp_path / "a.png", portrait()), tmp_path / "out"
    options = ["--artefact", artefact, "--device", "cpu", "--faces", str(tmp_path)]
    assert main(["explain", str(path), "--out", str(out), *options]) == 0
    assert capsys.readouterr().out.splitlines() == [str(out / "a-face1.png"), str(out / "a-face1.html")]
    assert Image.open(out / "a-face1.png").width > 5 * 224
    page = (out / "a-face1.html").read_text()
    assert "genuine faces" in page or "genuine photos" in page
    assert page.count("data:image/jpeg;base64,") == 5
    assert not re.search(r"(src|href)=.(?!data:)|<script|@import|url\(", page)
    assert main(["explain", str(saved(tmp_path / "b.png", coffee())), "--out", str(out / "b.html"), *options]) == 1


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


def test_wrong_usage_exits_with_two_and_nothing_found_with_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments in (
        [],
        ["score"],
        ["score", "a.jpg", "--verdict"],
        ["faces", "install"],
        ["evaluate", "--data", "x"],
        ["fit", "--data", "x", "--quick", "--out", "y"],
        ["tune", "--data", "x", "--run", "y", "--pseudo-only", "--leave-out", "swap"],
        ["score", "a.jpg", "--json", "--csv"],
    ):
        with pytest.raises(SystemExit) as left:
            main(arguments)
        assert left.value.code == 2
    assert main(["score", str(tmp_path)]) == 1
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "part",
    [
        [],
        ["score"],
        ["explain"],
        ["info"],
        ["fit"],
        ["calibrate"],
        ["trial"],
        ["tune"],
        ["evaluate"],
        ["ablate"],
        ["export"],
        ["faces"],
        ["faces", "install"],
    ],
)
def test_every_command_explains_itself(part: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main([*part, "--help"])
    assert left.value.code == 0
    assert "examples:" in capsys.readouterr().out


def test_help_and_info_do_not_wait_for_torch() -> None:
    code = (
        "import sys; from deepfake_guard.detector.__main__ import main\n"
        "status = main(['info', '--json'])\nassert 'torch' not in sys.modules and status == 0"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["starter"] is True


def test_info_names_the_sets_and_their_terms(artefact: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "--artefact", artefact]) == 0
    shown = capsys.readouterr().out
    assert "noise" in shown
    assert "none needed" in shown


def test_a_folder_that_is_no_artefact_is_an_error_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = saved(tmp_path / "a.png", portrait(64))
    assert main(["score", str(picture), "--artefact", str(tmp_path)]) == 1
    assert "ArtefactError" in capsys.readouterr().err
    assert main(["info", "--artefact", str(tmp_path)]) == 1


def test_fit_without_its_data_is_an_error_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "--data", str(tmp_path), "--out", str(tmp_path / "out"), "--device", "cpu"]) == 1
    assert "DataError" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_evaluate_prints_figures_and_writes_down_the_opening(
    artefact: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("path", "track", "split", "label", "collection", "generator", "family", "licence")
    with (tmp_path / "index.csv").open("w", newline="") as stream:
        listing = csv.writer(stream)
        listing.writerow(names)
        for seed, split in enumerate(("test-real-id", "test-real-ood", "test-fake")):
            for at, pixels in enumerate(noise_crops(3, seed)):
                saved(tmp_path / f"{split}-{at}.png", Image.fromarray(pixels))
                listing.writerow((f"{split}-{at}.png", "hq", split, "", split, "", "gan", "none"))
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
    ]
    assert main(["evaluate", "--data", str(tmp_path), *options]) == 0
    assert {"macro", "collections", "genuine_sources"} <= set(json.loads(capsys.readouterr().out))
    assert "a test of the command" in log.read_text()


def test_export_writes_a_graph_that_agrees_with_the_model(
    artefact: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("onnxruntime", reason="the extra `export` is not installed")
    options = ["--artefact", artefact, "--device", "cpu"]
    assert main(["export", "--onnx", str(tmp_path / "m.onnx"), "--json", *options]) == 0
    assert json.loads(capsys.readouterr().out)["largest_difference"] < 1e-4
    assert main(["export", "--onnx", str(tmp_path / "h.onnx"), "--part", "head", *options]) == 1
    assert "no head" in capsys.readouterr().err


def test_signals_muflow_leaves_muflow_alone(score: Any, tmp_path: Path) -> None:
    _, (row,) = score("--crops", "--signals", "muflow", saved(tmp_path / "a.png", portrait()))
    face = row["faces"][0]
    assert face["signals"]["muflow"]["p_value"] == face["p_value"]


def test_installing_the_wrong_face_finder_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = written(tmp_path / "wrong.onnx", b"wrong")
    assert main(["faces", "install", str(wrong), "--faces", str(tmp_path / "folder")]) == 1
    assert "WrongFile" in capsys.readouterr().err
    assert faces.installed(tmp_path / "folder") is None


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
