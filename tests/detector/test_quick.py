"""A CPU's quick way through a network gives the network's own maps."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from deepfake_guard.detector.device import FEW
from deepfake_guard.detector.features import Lite0, folded, moments
from deepfake_guard.detector.features.quick import FusedLite0, InParts


class Counting(nn.Module):
    """Two maps of what it sees, and how many pictures it saw each time."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[int] = []

    def forward(self, x: Tensor) -> list[Tensor]:
        self.seen.append(len(x))
        return [2 * x, x[:, :1, ::2, ::2]]


@pytest.fixture(scope="module")
def lite0() -> FusedLite0:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = Lite0((1, 2, 3)).eval()
        for part in net.modules():
            if isinstance(part, nn.BatchNorm2d) and part.running_mean is not None and part.running_var is not None:
                nn.init.uniform_(part.running_mean, -0.5, 0.5)
                nn.init.uniform_(part.running_var, 0.5, 1.5)
                nn.init.uniform_(part.bias, -1, 1)
        quick = folded(net)
    assert isinstance(quick, InParts)
    assert isinstance(quick.net, FusedLite0)
    return quick.net


def pixels(count: int, side: int = 64) -> Tensor:
    drawn = torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(1))
    return drawn.contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("count", [0, 1, FEW, FEW + 1, 3 * FEW - 1])
def test_a_network_sees_few_pictures_at_a_time_and_all_of_them(count: int) -> None:
    net, x = Counting(), pixels(count, 8)
    maps = InParts(net)(x)
    assert torch.equal(maps[0], 2 * x)
    assert torch.equal(maps[1], x[:, :1, ::2, ::2])
    assert max(net.seen) <= FEW
    assert sum(net.seen) == count


@pytest.mark.parametrize(("count", "side"), [(1, 64), (3, 64), (2, 77), (2, 50)])
@torch.inference_mode()
def test_fused_activations_give_the_same_maps(lite0: FusedLite0, count: int, side: int) -> None:
    x = pixels(count, side)
    plain, quick = lite0.net(x), lite0(x)
    assert len(plain) == len(quick) == 3
    for want, got in zip(plain, quick, strict=True):
        assert want.shape == got.shape
        torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-5 * float(want.abs().max()))


@torch.inference_mode()
def test_other_precisions_run_as_they_are(lite0: FusedLite0) -> None:
    x = pixels(2)
    with torch.autocast("cpu", torch.bfloat16):
        assert all(torch.equal(a, b) for a, b in zip(lite0(x), lite0.net(x), strict=True))
        assert lite0(x)[0].dtype == torch.bfloat16
    exact = folded(Lite0((1,)).eval().double())
    assert exact(x.double())[0].dtype == torch.float64


@pytest.mark.parametrize(
    ("part", "name", "value"), [("mkldnn", "is_available", False), ("cpu", "get_cpu_capability", "")]
)
def test_without_fused_kinds_it_runs_as_it_is(
    lite0: FusedLite0, part: str, name: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = pixels(1)
    monkeypatch.setattr(getattr(torch.backends, part), name, lambda: value)
    with torch.inference_mode():
        assert all(torch.equal(a, b) for a, b in zip(lite0(x), lite0.net(x), strict=True))


def test_what_is_asked_for_gradients_has_them(lite0: FusedLite0) -> None:
    x = pixels(1).requires_grad_(True)
    sum(part.sum() for part in lite0(x)).backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_moments_are_means_and_deviations_over_all_places(layout: torch.memory_format) -> None:
    maps = [(pixels(3, 12) * 5 + 40).contiguous(memory_format=layout), pixels(3, 1)]
    found = moments(maps)
    for stage, at in ((maps[0].double(), 0), (maps[1].double(), 6)):
        mean, variance = stage.mean((2, 3)), stage.var((2, 3), correction=0)
        wanted = torch.cat([mean, (variance + 1e-6).sqrt()], dim=1).float()
        torch.testing.assert_close(found[:, at : at + 6], wanted)
    assert moments([pixels(0, 4)]).shape == (0, 6)
