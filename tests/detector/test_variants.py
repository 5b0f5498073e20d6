"""A variant is a file: fitted by the command, saved with its passport, scored alike once loaded."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from deepfake_guard.detector import faces, weights
from deepfake_guard.detector.__main__ import main
from deepfake_guard.detector.features import NAME, PUBLISHED, Backbone
from deepfake_guard.detector.gaussian import Gaussian, Mixture
from deepfake_guard.detector.manifest import ArtefactError
from deepfake_guard.detector.training import crops, variant
from deepfake_guard.detector.training.simulated import bucket_crops
from deepfake_guard.detector.training.variant import Variant, VariantError

from .collections_on_disk import Made, written
from .pictures import portrait, saved

ROOT = Path(__file__).parents[2]
SPLITS = (Made("train-real", "noise", 12), Made("select-real", "noise", 10), Made("calib-real", "noise", 14))
SHORT = "[training]\naverages = 12\nof = 4\nepochs = 1\nbatch = 6\nvariants = 1\n"

# Random weights asked for by name, cut to almost nothing: what is promised here is the road, no figure
VARIANTS = {
    "resnet": """
        [backbone]
        name = "resnet18"
        weights = "random"
        stages = [1, 2]
        options = { layers = [1, 1, 1, 1] }
        [muflow]
        input_px = 64
        steps = 2
        pooling = "flatten"
        objective = "published-log1p"
        kernels = "3"
        """,
    "transformer": """
        precision = "bfloat16"
        [backbone]
        name = "vit_small_patch14_dinov2"
        weights = "random"
        stages = [0, 1]
        options = { depth = 2 }
        [muflow]
        input_px = 28
        steps = 2
        """,
    "mixture": """
        alignment = "five_point"
        components = 2
        [backbone]
        weights = "random"
        [muflow]
        input_px = 32
        steps = 2
        pooling = "mean_std"
        objective = "published"
        """,
    "patches": """
        [backbone]
        weights = "random"
        [muflow]
        input_px = 256
        steps = 1
        [patches]
        count = 3
        train = 2
        top = 1
        """,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("crops"), SPLITS, side=224)


def file_of(home: Path, text: str) -> Path:
    path = home / "variant.toml"
    path.write_text("\n".join(line.strip() for line in text.splitlines()) + "\n")
    return path


@pytest.mark.parametrize("name", sorted(VARIANTS))
def test_a_variant_is_fitted_saved_and_scores_alike_once_loaded(
    name: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    side = 288 if name == "patches" else 224  # native patches of the published side are cut from larger crops
    if name == "patches":
        folder = written(tmp_path / "crops", SPLITS, side)
    given, out = file_of(tmp_path, VARIANTS[name] + SHORT), tmp_path / "out"
    options = ["--data", str(folder), "--variant", str(given), "--bucket", "any", "--device", "cpu"]
    assert main(["fit", *options, "--out", str(out), "--json"]) == 0
    passport = json.loads(capsys.readouterr().out)
    asked = variant.read(given)
    loaded = weights.load(out, "cpu")
    assert passport["backbone"] == asked.backbone.name == loaded.model.backbone.name
    assert passport["backbone_weights"] == "random, seed 0"
    assert passport["backbone_options"] == asked.backbone.options
    assert passport["dtype"] == asked.precision
    assert (passport["alignment"], passport["crop_px"]) == (asked.alignment, side)
    assert loaded.model.precision is (torch.bfloat16 if name == "transformer" else torch.float32)
    assert loaded.model.settings == asked.settings
    kind = Mixture if name == "mixture" else Gaussian
    assert all(isinstance(layer.gaussian, kind) for layer in loaded.model.stages())

    rows = crops.index(folder, "calib-real")
    seen, _ = bucket_crops(crops.load(folder, rows), [row.native_px for row in rows], "any", seed=0)
    scored = [load_file(path) for path in (tmp_path / "out.run" / "scores").iterdir()]
    before = next(part for part in scored if len(part["muflow"]) == len(rows))
    after = loaded.ensemble.score(seen).scores
    assert set(after) == set(before) == {"muflow", "mahalanobis", "neighbours"}
    for signal, values in before.items():
        np.testing.assert_allclose(after[signal], values, rtol=1e-5, err_msg=signal)

    assert seen.shape[1:] == (side, side, 3)
    options = ["--artefact", str(out), "--device", "cpu", "--faces", str(tmp_path)]
    assert main(["score", "--crops", str(folder / rows[0].path), *options]) == 0
    if asked.alignment == "box":  # the finder that every OpenCV brings gives no landmarks
        assert main(["score", str(saved(tmp_path / "photo.png", portrait())), *options]) == 0


def test_what_a_file_leaves_out_stays_as_shipped(tmp_path: Path) -> None:
    assert variant.read(file_of(tmp_path, "")) == Variant()
    short = variant.read(file_of(tmp_path, SHORT))
    assert short.schedule.epochs == 1
    assert short.schedule.lr == Variant().schedule.lr


def test_weights_lie_beside_the_file_that_names_them(tmp_path: Path) -> None:
    found = variant.read(file_of(tmp_path, '[backbone]\nname = "resnet50"\nweights = "mine.safetensors"\n'))
    assert found.backbone.weights == str(tmp_path / "mine.safetensors")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("colour = 1", "has no colour"),
        ("[muflow]\nkernel = 3", "has no kernel"),
        ("[muflow]\npooling = 'middle'", "unknown pooling"),
        ("[muflow]\nobjective = 'likely'", "unknown objective"),
        ("[muflow]\nsteps = 'eight'", "steps = 'eight'"),
        ("[muflow]\nsteps = true", "steps = True"),
        ("[training]\nepochs = 1.5", "epochs = 1.5"),
        ("[patches]\ncount = 0", "1 to 256 patches"),
        ("components = 0", "components"),
        ("precision = 'int8'", "precision"),
        ("alignment = 'centre'", "alignment"),
        ("[backbone", "no TOML"),
        ("backbone = 'resnet50'", "must be a table"),
    ],
)
def test_a_file_that_means_nothing_is_refused_by_what_is_wrong(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(VariantError, match=words):
        variant.read(file_of(tmp_path, text))


@pytest.mark.parametrize("options", [{"checkpoint_path": "weights.pth"}, {"pretrained_cfg": {"file": "weights.pth"}}])
def test_an_option_cannot_open_a_file_of_weights(options: dict[str, object]) -> None:
    with pytest.raises(ArtefactError, match="cannot be cut by"):
        Backbone("resnet18", options=options)


@pytest.mark.parametrize("text", ["options = { depth = 1 }", "stages = [9]"])
def test_a_network_that_cannot_be_built_is_an_error_by_name(tmp_path: Path, text: str) -> None:
    asked = variant.read(file_of(tmp_path, f'[backbone]\nname = "resnet18"\nweights = "random"\n{text}\n'))
    with pytest.raises(ArtefactError, match="resnet18 cannot be built"):
        asked.empty(torch.device("cpu"))


def test_the_page_of_the_library_does_what_it_says(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    saved(tmp_path / "holiday.jpg", portrait())
    (tmp_path / "crops").symlink_to(folder)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(faces, "default_folder", lambda: tmp_path)  # no YuNet here: the finder that every OpenCV brings
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", (ROOT / "docs/detector.md").read_text(), re.DOTALL):
        exec(block, names)  # noqa: S102
    said = capsys.readouterr().out
    assert re.search(r"BoundingBox.* p 0\.\d+ of n 700 .*'muflow'", said)
    assert re.search(r"muflow-\w{12} random, seed 0", said)


@pytest.mark.parametrize("path", sorted((ROOT / "docs/examples/variants").glob("*.toml")), ids=lambda path: path.stem)
def test_the_examples_of_the_documentation_can_be_read(path: Path) -> None:
    assert variant.read(path).backbone.name in (*PUBLISHED, NAME)
