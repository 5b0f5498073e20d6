"""The ONNX graphs say what the models say, for any number of faces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from deepfake_guard.detector import export, weights
from deepfake_guard.detector.features import Backbone
from deepfake_guard.detector.features.tuned import EMBEDDED, GENUINE, TunedBackbone
from deepfake_guard.detector.gaussian import Gaussian, Mixture
from deepfake_guard.detector.signals.muflow import MuFlow, Settings
from deepfake_guard.detector.signals.patches import Patches

from .artefacts import random_model

onnx = pytest.importorskip("onnx", reason="the extra `export` is not installed")
pytest.importorskip("onnxruntime", reason="the extra `export` is not installed")


def test_muflows_graph_stands_alone_and_gives_what_score_gives_for_any_number_of_faces(tmp_path: Path) -> None:
    model, path = random_model(Settings(input_px=32, steps=2, pooling="flatten")), tmp_path / "muflow.onnx"
    export.export_onnx(model, path)
    graph = onnx.load(path)
    onnx.checker.check_model(graph)
    assert [part.name for part in graph.graph.input] == ["pixels"]
    assert tuple(part.name for part in graph.graph.output) == export.MUFLOW_OUTPUTS
    assert [file.name for file in tmp_path.iterdir()] == ["muflow.onnx"]
    crops = np.random.default_rng(1).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    scores = model.score(crops)
    for count in (1, 5):
        total, layers = export.outputs(path, crops[:count].transpose(0, 3, 1, 2))
        np.testing.assert_allclose(total, scores.total[:count], rtol=1e-5, atol=1e-4)
        np.testing.assert_allclose(layers, scores.layers[:count], rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("pooling", ["mean", "max", "mean_std"])
def test_the_density_is_the_same_to_a_ten_thousandth_of_a_nat(tmp_path: Path, pooling: str) -> None:
    model = random_model(Settings(input_px=32, steps=1, pooling=pooling, objective="density"))
    export.export_onnx(model, tmp_path / "muflow.onnx")
    assert export.parity(model, tmp_path / "muflow.onnx") < 1e-4


@pytest.mark.parametrize("px", [224, 320])  # of its artefact's live crops
def test_the_tuned_heads_graph_gives_embedding_and_logits(tmp_path: Path, px: int) -> None:
    torch.manual_seed(0)
    model = TunedBackbone([GENUINE, "painter"])
    export.export_onnx(model, tmp_path / "head.onnx", px)
    assert export.parity(model, tmp_path / "head.onnx", px, faces=1) < 1e-4
    embedding, logits = export.outputs(tmp_path / "head.onnx", np.zeros((2, 3, px, px), np.uint8))
    assert embedding.shape == (2, EMBEDDED)
    assert logits.shape == (2, 2)


@pytest.mark.parametrize("part", ["muflow", "head"])
def test_the_shipped_weights_graphs_give_what_the_weights_give(part: str, tmp_path: Path) -> None:
    shipped = weights.load(device="cpu")
    model = shipped.model if part == "muflow" else shipped.ensemble.head
    assert model is not None
    export.export_onnx(model, tmp_path / "part.onnx")
    assert export.parity(model, tmp_path / "part.onnx") < 1e-4


@pytest.mark.parametrize(
    ("name", "stages", "side", "options", "components"),
    [
        ("resnet18", (1, 2), 64, {"layers": (1, 1, 1, 1)}, 1),
        ("vit_small_patch14_dinov2", (0, 1), 28, {"depth": 2}, 1),
        ("tf_efficientnet_lite0", (1, 2, 3), 32, {}, 2),
    ],
)
def test_a_variants_graph_gives_what_the_variant_gives(
    name: str, stages: tuple[int, ...], side: int, options: dict[str, Any], components: int, tmp_path: Path
) -> None:
    backbone = Backbone.random(0, name, stages=stages, input_px=side, options=options)
    draw = torch.Generator().manual_seed(0)
    averages = [torch.randn(40, shape[0], generator=draw) for shape in backbone.shapes(side)]
    gaussians = [Mixture.fit(one, 2) if components == 2 else Gaussian.fit(one) for one in averages]
    model = MuFlow(backbone, gaussians, Settings(side, steps=2, pooling="mean", objective="density")).eval()
    export.export_onnx(model, tmp_path / "variant.onnx")
    assert export.parity(model, tmp_path / "variant.onnx") < 1e-4


def test_half_precision_has_no_graph(tmp_path: Path) -> None:
    model = random_model(Settings(input_px=32, steps=1))
    model.precision = torch.bfloat16
    with pytest.raises(ValueError, match="computes in float32"):
        export.export_onnx(model, tmp_path / "muflow.onnx")


def test_native_patches_are_chosen_outside_any_graph(tmp_path: Path) -> None:
    model = random_model(Settings(input_px=32, steps=1, patches=Patches(count=2, top=2)))
    with pytest.raises(ValueError, match="native patches"):
        export.export_onnx(model, tmp_path / "muflow.onnx")
