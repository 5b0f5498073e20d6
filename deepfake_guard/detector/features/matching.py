"""A safetensors file of backbone weights -> the tensors that a cut backbone keeps."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from ..manifest import ArtefactError, sha256


def read(path: Path, expected: str) -> dict[str, Tensor]:
    """Raises ArtefactError when it is missing, has another SHA-256 than `expected`, or none is expected."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not path.is_file():
        raise ArtefactError(f"{path} is missing: it was named as the backbone's weights")
    if (found := sha256(path)) != expected:
        raise ArtefactError(f"{path} has SHA-256 {found}, expected {expected or 'one to be given with it'}")
    try:
        return load_file(path)
    except SafetensorError as error:
        raise ArtefactError(f"{path} is no safetensors file: {error}") from error


def matched(found: Mapping[str, Tensor], wanted: Mapping[str, Tensor], grid: int) -> dict[str, Tensor]:
    """One of the file's tensors for each that is wanted; KeyError for the first that is not there.

    timm's feature wrappers prefix names ("model.cls_token") and join them ("stem_0.weight"): both are looked through.
    A transformer's position embedding is brought to the `grid` x `grid` places of this input.
    """
    plain = {_plain(key): tensor for key, tensor in found.items()}
    chosen = {}
    for key, blank in wanted.items():
        tensor = plain.get(_plain(key))
        if tensor is None and not key.endswith("num_batches_tracked"):  # only counts; older files lack it
            raise KeyError(f"{key} is not in it")
        chosen[key] = blank if tensor is None else _resampled(key, tensor, blank, grid)
    return chosen


def _plain(key: str) -> str:
    return key.removeprefix("model.").replace(".", "_")


def _resampled(key: str, tensor: Tensor, wanted: Tensor, grid: int) -> Tensor:
    if not key.endswith("pos_embed") or tensor.shape == wanted.shape:
        return tensor
    from timm.layers.pos_embed import resample_abs_pos_embed

    prefix = wanted.shape[1] - grid * grid  # class and distillation tokens
    resampled: Tensor = resample_abs_pos_embed(tensor, new_size=[grid, grid], num_prefix_tokens=prefix)
    return resampled
