"""Our lite0 is timm's: the same names in the same order, the same numbers; folded or not, cut or whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import timm
import torch

from deepfake_guard.detector.features import NAME, Lite0, folded

from .artefacts import tiny_artefact

HEAVY = ("timm", "torchvision", "torch._dynamo", "sympy", "sklearn", "scipy", "matplotlib", "pandas", "onnxruntime")


def pair(stages: tuple[int, ...]) -> tuple[Lite0, Any]:
    """Ours and timm's with the same random weights and the same moved batch statistics."""
    theirs: Any = timm.create_model(NAME, pretrained=False, features_only=True, out_indices=stages).eval()
    draw = torch.Generator().manual_seed(0)
    for name, value in theirs.state_dict().items():
        if "running_" in name or name.endswith("bias"):
            value.copy_(torch.rand(value.shape, generator=draw) + 0.5)
    ours = Lite0(stages).eval()
    ours.load_state_dict({name: theirs.state_dict()[name] for name in ours.state_dict()}, strict=True)
    return ours, theirs


@pytest.mark.parametrize(("stages", "side"), [((1, 2, 3), 64), ((2, 3, 4), 64), ((0, 4), 48), ((1, 2, 3), 77)])
def test_our_lite0_gives_timms_maps(stages: tuple[int, ...], side: int) -> None:
    ours, theirs = pair(stages)
    ours, theirs = ours.double(), theirs.double()  # so that only another formula could differ
    pixels = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    with torch.inference_mode():
        wanted, plain, quick = theirs(pixels), ours(pixels), folded(ours)(pixels)
    assert len(wanted) == len(plain) == len(quick) == len(stages)
    for want, is_plain, is_quick in zip(wanted, plain, quick, strict=True):
        torch.testing.assert_close(is_plain, want, rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(is_quick, want, rtol=1e-9, atol=1e-9)
    assert ours.channels == tuple(theirs.feature_info.channels())
    assert ours.strides == tuple(theirs.feature_info.reduction())


def test_parameters_stand_in_timms_order() -> None:
    """An optimiser's state is kept by position."""
    ours, theirs = pair((2, 3, 4))
    assert [name for name, _ in ours.named_parameters()] == [name for name, _ in theirs.named_parameters()]
    assert list(ours.state_dict()) == list(theirs.state_dict())


def test_a_stage_that_lite0_has_not_is_refused() -> None:
    with pytest.raises(ValueError, match="stages 0 to 4"):
        Lite0((1, 5))


def test_folding_leaves_no_batch_norm_and_the_original_alone() -> None:
    ours = Lite0((1, 2, 3)).eval()
    before = {name: value.clone() for name, value in ours.state_dict().items()}
    quick = folded(ours)
    assert not any(isinstance(part, torch.nn.BatchNorm2d) for part in quick.modules())
    assert not any(parameter.requires_grad for parameter in quick.parameters())
    assert all(torch.equal(value, before[name]) for name, value in ours.state_dict().items())


def test_loading_and_scoring_imports_only_what_scoring_needs(tmp_path: Path) -> None:
    """Loading is quick because of what it leaves alone: a second of timm, torchvision and what they bring."""
    tiny_artefact(tmp_path)
    program = (
        "import sys; from pathlib import Path; import numpy as np; from deepfake_guard.detector import weights;"
        "from deepfake_guard.detector.pipeline import Detector;"
        "artefact = weights.load(Path(sys.argv[1]), 'cpu');"
        "artefact.ensemble.score(np.zeros((1, 224, 224, 3), np.uint8));"
        f"print(*set({HEAVY}) & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
