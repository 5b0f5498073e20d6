"""On an accelerator the detector says what it says on the CPU; precision and compilation are asked for by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.overrides import TorchFunctionMode

from deepfake_guard.detector import device as devices
from deepfake_guard.detector import weights
from deepfake_guard.detector.bench import Plan, run
from deepfake_guard.detector.bench.subjects import Scale
from deepfake_guard.detector.features import Backbone
from deepfake_guard.detector.features.tuned import GENUINE, TunedBackbone
from deepfake_guard.detector.gaussian import Gaussian
from deepfake_guard.detector.signals.muflow import Settings
from deepfake_guard.detector.signals.patches import Patches
from deepfake_guard.detector.training import tune
from deepfake_guard.detector.training.plots import eigenvalue_spectra
from deepfake_guard.detector.training.tune_batches import Lessons, Pupil
from deepfake_guard.detector.training.tune_batches import Plan as Drill

from .artefacts import noise_crops, random_model, tiny_artefact

ACCELERATOR = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else ""
needs_one = pytest.mark.skipif(not ACCELERATOR, reason="needs a CUDA or MPS device, and none is here")


@pytest.mark.gpu
@needs_one
def test_an_accelerator_gives_the_scores_of_the_cpu() -> None:
    crops = noise_crops(4)
    here, there = weights.load(device="cpu").model.score(crops), weights.load(device=ACCELERATOR).model.score(crops)
    np.testing.assert_allclose(there.total, here.total, rtol=1e-3)


@pytest.mark.gpu
@needs_one
def test_bfloat16_on_an_accelerator_stays_near_single_precision() -> None:
    crops, model = noise_crops(4), weights.load(device=ACCELERATOR).model
    single = model.score(crops)
    model.precision = devices.precision("bfloat16", model.device)
    np.testing.assert_allclose(model.score(crops).total, single.total, rtol=0.05)


@pytest.mark.gpu
@needs_one
def test_the_tuned_head_says_on_an_accelerator_what_it_says_on_the_cpu() -> None:
    torch.manual_seed(0)
    head, pixels = TunedBackbone([GENUINE, "painter"]), torch.from_numpy(noise_crops(2)).permute(0, 3, 1, 2)
    with torch.inference_mode():
        _, here = head(pixels)
        _, there = head.to(ACCELERATOR)(pixels.to(ACCELERATOR))
    torch.testing.assert_close(there.cpu(), here, rtol=1e-2, atol=1e-2)


@pytest.mark.gpu
@needs_one
def test_the_network_of_a_signal_moves_to_the_accelerator() -> None:
    crops = noise_crops(3)
    here, there = weights.load(device="cpu").ensemble, weights.load(device=ACCELERATOR).ensemble
    assert there.alteration is not None
    assert there.alteration.directions.device.type == ACCELERATOR
    found, wanted = there.score(crops).scores["alteration"], here.score(crops).scores["alteration"]
    np.testing.assert_allclose(found, wanted, rtol=1e-2, atol=1e-2)


@pytest.mark.gpu
@needs_one
def test_a_compiled_backbone_gives_the_same_maps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)  # cuDNN's default keeps 10 bits, Triton's all
    backbone = Backbone.random(0).to(ACCELERATOR)
    pixels = torch.from_numpy(noise_crops(2)).permute(0, 3, 1, 2).to(ACCELERATOR)
    names = list(backbone.state_dict())
    with torch.inference_mode():
        plain = backbone(pixels)
        devices.compiled(backbone)
        assert list(backbone.state_dict()) == names
        for mine, wanted in zip(backbone(pixels), plain, strict=True):
            torch.testing.assert_close(mine, wanted, rtol=1e-2, atol=1e-2)


@pytest.mark.gpu
@needs_one
def test_the_benchmark_runs_on_an_accelerator(tmp_path: Path) -> None:
    tiny_artefact(tmp_path / "artefact")
    plan = Plan(rounds=1, batches=(8,), photos=1, scale=Scale(input_px=32, steps=2, averages=20))
    found = run(plan, artefact=tmp_path / "artefact", face_finder=tmp_path, device=torch.device(ACCELERATOR))
    assert all(ratio > 0 for ratio in found["ratios"].values())
    assert found["default"]["rows"]["8"]["default_set"]["faces_per_s"] > 0


@pytest.mark.gpu
@needs_one
def test_tuning_in_half_precision_begins_with_the_loss_of_the_cpu(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    faces = {name: rng.integers(0, 256, (6, 48, 48, 3), dtype=np.uint8) for name in ("street", "painter")}
    lessons = Lessons({"street": faces["street"]}, {"painter": faces["painter"]}, {})
    losses = {}
    for name in ("cpu", ACCELERATOR):
        torch.manual_seed(1)
        models = {Pupil(): TunedBackbone(lessons.classes())}
        drill = Drill(faces=16, batch=8, patch=32, seed=3)
        device = torch.device(name)
        standing = tune.tune(models, lessons, drill, tmp_path / name, device, lambda _: None, every=1, loaders=0)
        losses[name] = standing[Pupil()].curve[0]["loss"]
    assert losses[ACCELERATOR] == pytest.approx(losses["cpu"], rel=0.05)


class WithoutFloat64(TorchFunctionMode):
    """Refuses float64 as Metal does, to all tensors that have not come to the CPU by `.cpu()`."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        turned = func is torch.Tensor.to and any(each is torch.float64 for each in (*args, *(kwargs or {}).values()))
        wanted = turned or func is torch.Tensor.double
        if wanted and not hasattr(args[0], "came"):
            raise TypeError("float64 is not there")
        made = func(*args, **(kwargs or {}))
        if func is torch.Tensor.cpu:
            made.came = True
        return made


@pytest.mark.parametrize("patches", [None, Patches(count=4, top=2)])
def test_no_device_is_asked_for_float64(patches: Patches | None) -> None:
    model = random_model(Settings(input_px=32, steps=1, pooling="mean", objective="density", patches=patches))
    crops = noise_crops(2)
    wanted = model.score(crops)
    with pytest.raises(TypeError), WithoutFloat64():
        torch.zeros(1).double()
    with WithoutFloat64():
        found = model.score(crops)
        eigenvalue_spectra([fit for layer in model.stages() if isinstance(fit := layer.gaussian, Gaussian)])
    np.testing.assert_array_equal(found.total, wanted.total)


@pytest.mark.parametrize("there", [True, False])
def test_metal_computes_bfloat16_from_macos_14_on(there: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    newest = (14, 0) if there else (13, 6)
    monkeypatch.setattr(torch.backends.mps, "is_macos_or_newer", lambda *version: version <= newest)
    assert devices.has_bfloat16(torch.device("mps")) is there
    with nullcontext() if there else pytest.raises(devices.DeviceError, match="mps computes no bfloat16"):
        assert devices.precision("bfloat16", torch.device("mps")) is torch.bfloat16


def test_precision_is_single_unless_named() -> None:
    cpu = torch.device("cpu")
    assert devices.precision("auto", cpu) is torch.float32
    assert devices.precision("bfloat16", cpu) is torch.bfloat16
    with pytest.raises(devices.DeviceError, match="unknown precision"):
        devices.precision("int8", cpu)
