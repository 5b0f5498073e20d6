"""An artefact that is not exactly what its manifest says is refused by name."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from deepfake_guard.detector import manifest, weights
from deepfake_guard.detector.cli import parser
from deepfake_guard.detector.device import DeviceError
from deepfake_guard.detector.manifest import ArtefactError
from deepfake_guard.detector.signals.muflow import MuFlow

from .artefacts import noise_crops, tiny_artefact


@pytest.fixture
def artefact(tmp_path: Path) -> weights.Artefact:
    return tiny_artefact(tmp_path)


def rewrite(folder: Path, **changes: Any) -> None:
    """Change manifest entries, with the hashes of the files as they now are."""
    passport = manifest.read(folder)
    files = {name: manifest.sha256(folder / name) for name in passport.files}
    manifest.write(folder, replace(passport, **{"files": files, **changes}))


def test_it_loads_back_to_the_same_scores(artefact: weights.Artefact, tmp_path: Path) -> None:
    again = weights.load(tmp_path, device="cpu")
    crops = noise_crops(2, seed=9)
    assert np.array_equal(again.model.score(crops).total, artefact.model.score(crops).total)
    assert again.manifest == artefact.manifest
    assert again.manifest.detector_id == "random-" + again.manifest.files[weights.MODEL][:12]


def test_it_is_found_by_its_folder_or_by_a_name_that_comes_with_the_package(tmp_path: Path) -> None:
    assert manifest.located(None) == manifest.located("") == manifest.located("starter") == manifest.STARTER
    assert manifest.located("permissive") == manifest.PERMISSIVE
    assert manifest.located(tmp_path) == tmp_path


def test_a_folder_of_ones_own_that_is_called_as_one_of_the_package_is_that_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own = tiny_artefact(tmp_path / "permissive").manifest
    monkeypatch.chdir(tmp_path)
    options = argparse.ArgumentParser()
    parser.takes_artefact(options)
    named = [options.parse_args(["--artefact", name]).artefact for name in ("./permissive", "permissive")]
    found = [weights.load(each, device="cpu").manifest.detector_id for each in named]
    assert found == [own.detector_id, manifest.read(manifest.PERMISSIVE).detector_id]


@pytest.mark.parametrize("name", [weights.MODEL, weights.CALIBRATION])
def test_one_changed_byte_is_noticed(artefact: weights.Artefact, tmp_path: Path, name: str) -> None:
    content = bytearray((tmp_path / name).read_bytes())
    content[-3] ^= 1
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ArtefactError, match=f"{name}.*SHA-256"):
        weights.load(tmp_path, device="cpu")


@pytest.mark.parametrize("name", [weights.MODEL, weights.CALIBRATION, manifest.FILE_NAME])
def test_a_missing_file_is_named(artefact: weights.Artefact, tmp_path: Path, name: str) -> None:
    (tmp_path / name).unlink()
    with pytest.raises(ArtefactError, match=name):
        weights.load(tmp_path, device="cpu")


def test_a_wrong_shape_is_refused(artefact: weights.Artefact, tmp_path: Path) -> None:
    tensors = load_file(tmp_path / weights.MODEL)
    tensors["layers.0.flow.norm.weight"] = tensors["layers.0.flow.norm.weight"][:, :-1].copy()
    save_file(tensors, tmp_path / weights.MODEL)
    rewrite(tmp_path)
    with pytest.raises(ArtefactError, match=r"(?s)does not fit its manifest.*norm\.weight"):
        weights.load(tmp_path, device="cpu")


def test_values_that_are_not_finite_are_refused(artefact: weights.Artefact, tmp_path: Path) -> None:
    tensors = load_file(tmp_path / weights.MODEL)
    tensors["layers.1.gaussian.mean"][0] = np.nan
    save_file(tensors, tmp_path / weights.MODEL)
    rewrite(tmp_path)
    with pytest.raises(ArtefactError, match="not finite"):
        weights.load(tmp_path, device="cpu")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schema": 99}, "schema 99"),
        ({"backbone": "resnet19"}, "knows no backbone"),
        ({"backbone": "resnet18"}, "shapes"),
        ({"backbone_options": {"checkpoint_path": "weights.pth"}}, "cannot be cut by"),
        ({"objective": "guess"}, "unknown objective"),
        ({"input_px": 96}, "shapes"),
        ({"alignment": "centre"}, "unknown alignment"),
        ({"crop_px": 100_000}, "224 to 1024 px"),
        ({"files": {"../model.safetensors": "0" * 64}}, "not there"),
        ({"files": {}}, "does not vouch"),
    ],
)
def test_a_manifest_of_another_version_or_model_is_refused(
    artefact: weights.Artefact, tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    rewrite(tmp_path, **changes)
    with pytest.raises(ArtefactError, match=words):
        weights.load(tmp_path, device="cpu")


def test_signals_that_the_manifest_does_not_vouch_for_are_not_read(tmp_path: Path) -> None:
    artefact = tiny_artefact(tmp_path, decides="mahalanobis")
    (tmp_path / weights.SIGNALS).write_bytes(b"anything else")
    files = {name: digest for name, digest in artefact.manifest.files.items() if name != weights.SIGNALS}
    rewrite(tmp_path, files=files)
    with pytest.raises(ArtefactError, match=r"does not vouch for signals\.safetensors"):
        weights.load(tmp_path, device="cpu")


def test_a_calibration_of_what_nothing_scores_is_refused(tmp_path: Path) -> None:
    tiny_artefact(tmp_path, decides="mahalanobis")
    rewrite(tmp_path, signals={})
    with pytest.raises(ArtefactError, match="counts mahalanobis, which nothing here scores"):
        weights.load(tmp_path, device="cpu")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"files": ["model.safetensors"]}, "files: "),
        ({"files": {"model.safetensors": 1}}, "files: model.safetensors: 1 is no str"),
        ({"crop_px": "224"}, 'crop_px: "224" is no int'),
        ({"seed": True}, "seed: true is no int"),
        ({"signals": ["muflow"]}, "signals: "),
        ({"signals": {"muflow": "gaussian"}}, "signals: muflow: "),
        ({"backbone": None}, "backbone: null is no str"),
        ({"dtype": []}, "dtype: "),
        ({"decides": "muflow"}, "decides: "),
        ({"shapes": [[24, 16]]}, "shapes: "),
        ({"sets": [{"name": "noise"}]}, "malformed: .*licence"),
        ({"heads": {"head": {"generators": "FLUX", "families": [], "licences": [], "n": 1}}}, "generators: "),
    ],
)
def test_a_field_of_another_type_is_refused_by_name(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    document = json.loads((manifest.STARTER / manifest.FILE_NAME).read_text())
    (tmp_path / manifest.FILE_NAME).write_text(json.dumps({**document, **changes}))
    with pytest.raises(ArtefactError, match=words):
        manifest.read(tmp_path)


def test_a_manifest_that_is_nested_without_end_is_refused(tmp_path: Path) -> None:
    (tmp_path / manifest.FILE_NAME).write_text("[" * 200_000)
    with pytest.raises(ArtefactError, match="not readable as JSON"):
        manifest.read(tmp_path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"input_px": 16_000}, "at most 1024 px"),
        ({"input_px": 1024}, "shapes"),
        ({"steps": 2000}, "at most 64"),
        ({"switches": {"hidden": 1e9}}, "at most 8"),
        ({"switches": {"patches": {"count": 10**9}}}, "1 to 256 patches"),
        ({"backbone": "vit_small_patch14_dinov2", "backbone_options": {"depth": 10**9}}, "200 in all"),
        ({"backbone": "resnet18", "backbone_options": {"layers": [10**9] * 4}}, "200 in all"),
        ({"backbone": "resnet18", "backbone_options": {"layers": [-(10**9), 10**9]}}, "200 in all"),
    ],
)
def test_a_manifest_cannot_ask_for_any_amount_of_memory_or_time(
    artefact: weights.Artefact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], words: str
) -> None:
    """Nothing of the flows is built: their memory is what grows."""
    monkeypatch.setattr(MuFlow, "blank", None)
    rewrite(tmp_path, **changes)
    with pytest.raises(ArtefactError, match=words):
        weights.load(tmp_path, device="cpu")


def test_an_unknown_key_in_the_manifest_is_refused(artefact: weights.Artefact, tmp_path: Path) -> None:
    path = tmp_path / manifest.FILE_NAME
    path.write_text(json.dumps({**json.loads(path.read_text()), "code": "import os"}))
    with pytest.raises(ArtefactError, match="unknown keys: code"):
        manifest.read(tmp_path)


def test_a_device_that_is_not_there_is_refused(artefact: weights.Artefact, tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="cuda:63"):
        weights.load(tmp_path, device="cuda:63")


def test_reading_passport_and_calibration_loads_no_torch(artefact: weights.Artefact, tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from deepfake_guard.detector import aggregation, calibration, manifest;"
        "manifest.read(Path(sys.argv[1])); calibration.Calibration.read(Path(sys.argv[1]) / 'calibration.safetensors');"
        "assert not {'torch', 'timm', 'cv2'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
