"""What is kept for scoring is never out of date."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor, nn

from deepfake_guard.detector.features import Backbone
from deepfake_guard.detector.features.tuned import TunedBackbone
from deepfake_guard.detector.flow import FastFlow, FlowSettings, fused
from deepfake_guard.detector.snapshot import Snapshot


def counting() -> tuple[Snapshot[Tensor], list[int]]:
    made: list[int] = []

    def make(module: nn.Linear) -> Tensor:
        made.append(1)
        return module.weight.detach().clone()

    return Snapshot(make), made


def test_it_is_made_once_and_again_after_any_write() -> None:
    snapshot, made = counting()
    module = nn.Linear(2, 2)
    for _ in range(3):
        snapshot.of(module)
    assert len(made) == 1
    with torch.no_grad():
        module.weight.add_(1)
    assert torch.equal(snapshot.of(module), module.weight)
    optimizer = torch.optim.SGD(module.parameters(), 0.1)
    module(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    assert torch.equal(snapshot.of(module), module.weight)
    module.load_state_dict(nn.Linear(2, 2).state_dict())
    assert torch.equal(snapshot.of(module), module.weight)
    module.to(torch.float64)
    assert snapshot.of(module).dtype == torch.float64
    assert len(made) == 5


def test_of_tensors_without_a_version_nothing_is_kept() -> None:
    snapshot, made = counting()
    with torch.inference_mode():
        module = nn.Linear(2, 2)
        snapshot.of(module)
        module.weight.add_(1)
        assert torch.equal(snapshot.of(module), module.weight)
    assert len(made) == 2


def test_a_copy_of_a_flow_goes_its_own_way() -> None:
    flow = FastFlow((4, 3, 3), FlowSettings(2), 0)
    x = torch.randn(1, 4, 3, 3, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        before = fused(flow)(x)[0].clone()
    other = deepcopy(flow)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(0.5)
    with torch.inference_mode():
        torch.testing.assert_close(fused(other)(x)[0], other(x)[0])
        torch.testing.assert_close(fused(flow)(x)[0], before)


def test_a_backbone_scores_with_the_weights_it_was_given_last() -> None:
    pixels = torch.randint(0, 256, (1, 3, 32, 32), generator=torch.Generator().manual_seed(0))
    backbone, other = Backbone.random(0), Backbone.random(1)
    with torch.inference_mode():
        backbone(pixels)
        backbone.load_state_dict(other.state_dict())
        for found, wanted in zip(backbone(pixels), other(pixels), strict=True):
            assert torch.equal(found, wanted)


def test_a_head_that_learns_gets_its_gradients() -> None:
    head = TunedBackbone(["genuine", "other"])
    pixels = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 255
    with torch.inference_mode():
        quick = head(pixels)[1].clone()
    logits = head(pixels)[1]
    torch.testing.assert_close(logits.detach(), quick, rtol=1e-3, atol=1e-3)
    logits.sum().backward()
    assert all(parameter.grad is not None for parameter in head.net.parameters())
