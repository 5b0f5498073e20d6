"""`python -m deepfake_guard.detector`: what it prints, where, and with which exit status."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from deepfake_guard.detector import faces, manifest
from deepfake_guard.detector.__main__ import main
from deepfake_guard.detector.cli import passport

from .artefacts import artefact as artefact
from .artefacts import tiny_artefact
from .pictures import coffee, portrait, saved, written

ROOT = Path(__file__).parents[2]


def test_explain_writes_a_picture_and_a_page_for_each_face(
    artefact: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = saved(tmp_path / "a.png", portrait()), tmp_path / "out"
    options = ["--artefact", artefact, "--device", "cpu", "--faces", str(tmp_path)]
    assert main(["explain", str(path), "--out", str(out), *options]) == 0
    assert capsys.readouterr().out.splitlines() == [str(out / "a-face1.png"), str(out / "a-face1.html")]
    assert Image.open(out / "a-face1.png").width > 6 * 224
    page = (out / "a-face1.html").read_text()
    assert "genuine faces" in page or "genuine photos" in page
    assert page.count("data:image/jpeg;base64,") == 6
    assert "what decides" in page
    assert not re.search(r"(src|href)=.(?!data:)|<script|@import|url\(", page)
    assert main(["explain", str(saved(tmp_path / "b.png", coffee())), "--out", str(out / "b.html"), *options]) == 1


def test_explain_keeps_files_of_one_name_apart(artefact: str, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        saved(tmp_path / folder / "a.png", portrait())
    out, both = tmp_path / "out", [str(tmp_path / folder / "a.png") for folder in ("one", "two")]
    options = ["--artefact", artefact, "--device", "cpu", "--faces", str(tmp_path)]
    assert main(["explain", *both, "--out", str(out), *options]) == 0
    assert {path.name for path in out.glob("*.html")} == {"a-face1.html", "a-2-face1.html"}


def test_explain_names_a_file_whose_name_is_not_utf_8(
    artefact: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = saved(tmp_path / os.fsdecode(b"caf\xe9.png"), portrait()), tmp_path / "out"
    options = ["--artefact", artefact, "--device", "cpu", "--faces", str(tmp_path)]
    assert main(["explain", str(path), "--out", str(out), *options]) == 0
    assert rf"{out}/caf\udce9-face1.html" in capsys.readouterr().out
    assert r"<h1>caf\udce9.png</h1>" in (out / os.fsdecode(b"caf\xe9-face1.html")).read_text()


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
        ["fit", "--data", "x", "--artefact", "z", "--out", "y"],
        ["fit", "--data", "x", "--faces", "z", "--out", "y"],
        ["fit", "--data", "x", "--fold", "difusion=z", "--out", "y"],
        ["fit", "--reals", "x", "--tuned", "z", "--out", "y"],
        ["fit", "--reals", "x", "--only", "z", "--out", "y"],
        ["fit", "--reals", "x", "--alteration", "z", "--out", "y"],
        ["fit", "--data", "x", "--shadow", "tuned_neighbours", "--out", "y"],
        ["fit", "--reals", "x", "--starter", "--out", "y"],
        ["info", "--device", "cpu"],
        ["evaluate", "--data", "x", "--reason", "y", "--refit", "difusion=z"],
        ["evaluate", "--data", "x", "--reason", "y", "--refit", "gan=z", "--refit", "gan=w"],
        ["fit", "--data", "x", "--adapt", "muflow", "--out", "y"],
        ["tune", "--data", "x", "--run", "y", "--pseudo-only", "--leave-out", "swap"],
        ["tune", "--data", "x", "--run", "y", "--pseudo-only", "--still", "6"],
        ["tune", "--data", "x", "--run", "y", "--start", "z", "--hold-back", "5"],
        ["tune", "--data", "x", "--run", "y", "--batch", "1"],
        ["tune", "--data", "x", "--run", "y", "--faces", "8"],
        ["tune", "--data", "x", "--run", "y", "--loaders", "-1"],
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
        ["bench"],
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


def test_info_says_first_whether_the_weights_may_be_used_commercially(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info"]) == 0
    [line] = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Commercial use: ")]
    forbids, unstated, allows = line.removeprefix("Commercial use: no. What the sets state: no: ").split("; ")
    assert "ffhq256__zoya2244, ffhq__dinablachman [CC BY-NC-SA set]" in forbids
    assert "dfdc__i-shreyansh, dfdc_faceswap__i-shreyansh [DFDC research terms]" in forbids
    assert unstated.startswith("not stated: ")
    assert "mebeauty__fbplab" in unstated
    assert allows.startswith("yes: fairface__thlaiquid [CC BY 4.0] · flux1-dev__sfhq-t2i, ")


def test_a_set_under_two_licences_is_told_under_both(tmp_path: Path) -> None:
    made = tiny_artefact(tmp_path).manifest
    mixed = manifest.FaceSet("made", manifest.FAKES, 9, "MIT; commercial product, unstated")
    said = passport.terms(replace(made, sets=(mixed,)))
    assert said.startswith("Commercial use: not stated. ")
    assert said.endswith("not stated: made [commercial product, unstated]; yes: made [MIT].")


def test_info_tells_the_terms_of_fakes_that_an_older_artefact_names_by_heads_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shipped = manifest.read(manifest.STARTER)
    older = replace(shipped, sets=tuple(part for part in shipped.sets if part.role != manifest.FAKES))
    shutil.copytree(manifest.STARTER, tmp_path / "older")
    manifest.write(tmp_path / "older", older)
    assert main(["info", "--artefact", str(tmp_path / "older")]) == 0
    assert "fairface__thlaiquid [CC BY 4.0] · fakes that taught the heads [MIT]." in capsys.readouterr().out


def test_info_tells_what_was_measured_with_n_and_interval(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info"]) == 0
    said = capsys.readouterr().out
    assert f"measured {manifest.read(manifest.STARTER).metrics[manifest.MEASURED]['date']}" in said
    assert "0.97 (0.96–0.98)" in said
    assert "49 of 406" in said


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


@pytest.mark.parametrize(
    ("package", "extra", "arguments"),
    [
        ("matplotlib", "train", ["fit", "--data", "FOLDER", "--out", "FOLDER/out"]),
        ("sklearn", "train", ["evaluate", "--data", "FOLDER", "--reason", "why", "--openings", "FOLDER/log"]),
        ("shap", "train", ["evaluate", "--data", "FOLDER", "--reason", "why", "--baselines"]),
        ("matplotlib", "train", ["ablate", "--data", "FOLDER", "--out", "FOLDER/a.json", "--html", "FOLDER/a.html"]),
        ("onnxruntime", "export", ["export", "--onnx", "FOLDER/m.onnx"]),
        ("skimage", "run", ["bench"]),
    ],
)
def test_a_missing_extra_is_named_before_any_work(
    package: str,
    extra: str,
    arguments: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, package, None)  # as if it were not installed
    assert main([part.replace("FOLDER", str(tmp_path)) for part in arguments]) == 1
    said = capsys.readouterr().err
    assert package in said
    assert f"pip install 'deepfake-guard[{extra}]'" in said
    assert not list(tmp_path.iterdir())


def test_an_index_without_a_column_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(tmp_path / "index.csv", b"path,split,label\n")
    assert main(["fit", "--data", str(tmp_path), "--out", str(tmp_path / "out"), "--device", "cpu"]) == 1
    assert "no column track, collection, generator, family, licence" in capsys.readouterr().err


def test_fit_without_its_data_is_an_error_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "--data", str(tmp_path), "--out", str(tmp_path / "out"), "--device", "cpu"]) == 1
    assert "DataError" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_export_writes_a_graph_that_agrees_with_the_model(
    artefact: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("onnxruntime", reason="the extra `export` is not installed")
    options = ["--artefact", artefact, "--device", "cpu"]
    assert main(["export", "--onnx", str(tmp_path / "m.onnx"), "--json", *options]) == 0
    assert json.loads(capsys.readouterr().out)["largest_difference"] < 1e-4
    assert main(["export", "--onnx", str(tmp_path / "h.onnx"), "--part", "head", *options]) == 1
    assert "no head" in capsys.readouterr().err
    assert main(["export", "--onnx", str(tmp_path / "a.onnx"), "--part", "alteration", *options]) == 1
    assert "no alteration" in capsys.readouterr().err


def test_installing_the_wrong_face_finder_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = written(tmp_path / "wrong.onnx", b"wrong")
    assert main(["faces", "install", str(wrong), "--faces", str(tmp_path / "folder")]) == 1
    assert "WrongFile" in capsys.readouterr().err
    assert faces.installed(tmp_path / "folder") is None
