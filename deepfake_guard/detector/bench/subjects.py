"""What is timed: models with random weights (timing does not care), each a call on a batch of pixels."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ..device import precision
from ..ensemble import Ensemble
from ..export import export_onnx, write
from ..features import NAME, Backbone
from ..gaussian import Gaussian, pooled_width
from ..signals.muflow import MuFlow, Settings
from .published import Published, inference, plain_maps

AVERAGES = 1000  # the method's N: a factor has one direction less
Call = Callable[[Tensor], object]


@dataclass(frozen=True, slots=True)
class Scale:
    """How large the comparison is; the default is the published setting."""

    input_px: int = 256
    steps: int = 8
    averages: int = AVERAGES


def muflow(backbone: str, kernels: str, scale: Scale, device: torch.device) -> MuFlow:
    """As published (`flatten`, `published`) on random weights and random Gaussians of N - 1 directions."""
    net = Backbone.random(0, backbone)
    settings = Settings(scale.input_px, scale.steps, pooling="flatten", objective="published", kernels=kernels)
    draw = torch.Generator().manual_seed(0)
    gaussians = []
    for shape in net.shapes(scale.input_px):
        width = pooled_width(shape, settings.pooling)
        basis, _ = torch.linalg.qr(torch.randn(width, min(width, scale.averages - 1), generator=draw))
        variance = torch.rand(basis.shape[1], generator=draw) + 0.1
        gaussians.append(Gaussian(torch.zeros(width), basis, variance, torch.tensor(0.1)))
    return MuFlow(net, gaussians, settings).eval().requires_grad_(False).to(device)


def ours(model: MuFlow) -> Call:
    """The scoring path on pixels [n, 3, s, s]: maps, likelihoods, heat-map places."""
    return lambda pixels: model.score_features(model.features(pixels))


def ours_bfloat16(backbone: str, kernels: str, scale: Scale, device: torch.device) -> Call:
    """The same, convolutions in bfloat16; like single precision, the backbone runs channels last."""
    model = muflow(backbone, kernels, scale, device)
    model.precision = precision("bfloat16", device)
    return ours(model)


class _Alone(nn.Module):
    """The backbone without a flow: pixels uint8 [n, 3, s, s] -> its maps."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        return tuple(plain_maps(self.backbone, pixels.float()))


def onnx(model: MuFlow) -> Call | None:
    """The exported graph under ONNX Runtime on the CPU; None where `_session` is."""
    return _session(model.device, lambda path: export_onnx(model, path))


def onnx_backbone(model: MuFlow) -> Call | None:
    """The same of its backbone alone, whose batch norms ONNX Runtime folds by itself."""
    names = [f"maps{at}" for at in range(len(model.shapes))]
    graph, side = _Alone(model.backbone), model.settings.input_px
    return _session(model.device, lambda path: write(graph, side, names, path))


def without_onnx() -> str:
    """Why no graph is measured on the CPU, or an empty string: torch writes graphs by `onnx`."""
    missing = [name for name in ("onnx", "onnxruntime") if importlib.util.find_spec(name) is None]
    return f"{', '.join(missing)} not installed: pip install 'deepfake-guard[export]'" if missing else ""


def _session(device: torch.device, written: Callable[[Path], None]) -> Call | None:
    """A graph under ONNX Runtime on the CPU, with as many threads as torch has.

    None `without_onnx`, or where another device is measured."""
    if device.type != "cpu" or without_onnx():
        return None
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # idle threads would slow the others
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "graph.onnx"
        written(path)
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return lambda pixels: session.run(None, {"pixels": np.asarray(pixels.numpy())})


def published_setting(scale: Scale, device: torch.device) -> dict[str, Call]:
    """resnet18, `flatten`, every step 3x3: the bare backbone as it comes and as ours runs it, the published arithmetic,
    and ours three ways."""
    model = muflow("resnet18", "3", scale, device)
    return _present({
        "backbone_plain": _plain(model),
        "backbone": _backbone(model),
        "published": Published(model),
        "ours_fp32": ours(model),
        "ours_bf16": ours_bfloat16("resnet18", "3", scale, device),
        "ours_onnx": onnx(model),
    })  # fmt: skip


def shares(scale: Scale, device: torch.device) -> dict[str, Call]:
    """Kernel 3|1 on resnet18 and on lite0, each beside its bare backbone; both in torch and under ONNX Runtime."""
    found: dict[str, Call | None] = {}
    for short, name in (("resnet18", "resnet18"), ("lite0", NAME)):
        model = muflow(name, "3|1", scale, device)
        found |= {
            f"{short}_plain": _plain(model),
            f"{short}_backbone": _backbone(model),
            f"{short}_k31": ours(model),
            f"{short}_backbone_onnx": onnx_backbone(model),
            f"{short}_k31_onnx": onnx(model),
        }
    return _present(found)


def as_loaded(ensemble: Ensemble) -> dict[str, Call]:
    """A loaded artefact on crops: with all its signals and heads, and µFlow alone."""

    def scored(which: Ensemble) -> Call:
        return lambda pixels: which.score(pixels.permute(0, 2, 3, 1).contiguous().numpy())

    return {"default_set": scored(ensemble), "default_muflow": scored(ensemble.alone())}


def _backbone(model: MuFlow) -> Call:
    return inference(lambda pixels: model.backbone(pixels.to(model.device)))


def _plain(model: MuFlow) -> Call:
    return inference(lambda pixels: plain_maps(model.backbone, pixels.to(model.device)))


def _present(subjects: Mapping[str, Call | None]) -> dict[str, Call]:
    return {name: call for name, call in subjects.items() if call is not None}
