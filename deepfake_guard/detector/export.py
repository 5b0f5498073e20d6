"""A model as an ONNX graph, for hosts that score without torch. Calibration, fusion and p-values stay outside."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .features.tuned import TunedBackbone
from .records import CROP_PX
from .signals.muflow import MuFlow

OPSET = 17  # LayerNormalization came with it
MUFLOW_OUTPUTS, HEAD_OUTPUTS = ("total", "layers"), ("embedding", "logits")


class _Likelihood(nn.Module):
    """pixels uint8 [n, 3, s, s] -> total [n], layers [n, L]; the faces are at the input's size already."""

    def __init__(self, model: MuFlow) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        nll, _ = self.model.likelihoods(self.model.backbone(pixels.float()))
        layers = torch.stack(nll, dim=1)
        return layers.mean(dim=1), layers


class _Head(nn.Module):
    """pixels uint8 [n, 3, s, s] -> embedding [n, 128], logits [n, classes]."""

    def __init__(self, model: TunedBackbone) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        embedding, logits = self.model(pixels.float())
        return embedding, logits


def export_onnx(model: MuFlow | TunedBackbone, path: Path, crop_px: int = CROP_PX) -> None:
    """Write the graph: input "pixels", uint8 [n, 3, s, s] RGB with any n; outputs float32.

    µFlow gives "total" [n] and "layers" [n, L] (raw negative log-likelihoods); s is its `input_px`, resizing is the
    caller's. The tuned head gives "embedding" [n, 128] and "logits" [n, classes]; s is the side of its artefact's live
    crops, `crop_px`. Needs the extra `export`.
    Raises ValueError for a µFlow that looks at native patches (which of them count is decided after the graph) or
    computes in bfloat16.
    """
    graph, side, names = _graph(model, crop_px)
    write(graph, side, names, path)


def write(graph: nn.Module, side: int, outputs: Sequence[str], path: Path) -> None:
    """Any network on pixels uint8 [n, 3, side, side], with any n, as a graph whose outputs have these names."""
    example = torch.zeros(2, 3, side, side, dtype=torch.uint8)
    names = ("pixels", *outputs)
    was = next(graph.parameters()).device
    with warnings.catch_warnings(), torch.inference_mode():
        # torch's newer exporter needs onnxscript besides; this one says that it is the older, and that what is
        # constant in a loaded model (ranks, shapes) becomes constant in the graph, which is meant
        warnings.simplefilter("ignore")
        torch.onnx.export(
            graph.cpu().eval(), (example,), str(path), dynamo=False, opset_version=OPSET, input_names=["pixels"],
            output_names=list(outputs), dynamic_axes={name: {0: "n"} for name in names},
        )  # fmt: skip
    graph.to(was)


def parity(
    model: MuFlow | TunedBackbone, path: Path, crop_px: int = CROP_PX, *, faces: int = 3, seed: int = 0
) -> float:
    """The largest difference between the graph under ONNX Runtime and the model, relative above 1, on seeded noise."""
    graph, side, _ = _graph(model, crop_px)
    pixels = np.random.default_rng(seed).integers(0, 256, (faces, 3, side, side), dtype=np.uint8)
    with torch.inference_mode():
        wanted = graph(torch.from_numpy(pixels).to(next(model.parameters()).device))
    differences = [
        np.abs(got - mine) / np.maximum(1.0, np.abs(mine))
        for got, mine in zip(outputs(path, pixels), (part.cpu().numpy() for part in wanted), strict=True)
    ]
    return float(max(part.max() for part in differences))


def outputs(path: Path, pixels: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
    """What the graph gives for uint8 [n, 3, s, s], under ONNX Runtime on the CPU."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return [np.asarray(part) for part in session.run(None, {"pixels": pixels})]


def _graph(model: MuFlow | TunedBackbone, crop_px: int) -> tuple[nn.Module, int, tuple[str, ...]]:
    if isinstance(model, TunedBackbone):
        return _Head(model), crop_px, HEAD_OUTPUTS
    if model.settings.patches is not None:
        raise ValueError("a µFlow on native patches has no graph of its own: which patches count is decided later")
    if model.precision != torch.float32:
        raise ValueError("a graph computes in float32: this µFlow was calibrated in another precision")
    return _Likelihood(model), model.settings.input_px, MUFLOW_OUTPUTS
