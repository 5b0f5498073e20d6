"""The flow is what its mathematics says: invertible, with the log-determinant that autograd finds."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from deepfake_guard.detector.flow import Coupling, FastFlow, FlowSettings, Fused

from .artefacts import jacobian_of

SHAPE = (5, 3, 4)  # odd channels: the kept part is the larger one
FOUR = FlowSettings(steps=4)
SWITCHES = {
    "as shipped": FlowSettings(),
    "one step": FlowSettings(steps=1),
    "as published": FlowSettings(kernels="3"),
    "narrow subnets": replace(FOUR, hidden=0.4),
    "wide subnets": replace(FOUR, hidden=2.0),
    "tight clamp": replace(FOUR, clamp=0.5),
    "no norm": replace(FOUR, layer_norm=False),
    "no global affine": replace(FOUR, global_affine=False),
    "no permutation": replace(FOUR, permute=False),
    "bare couplings": FlowSettings(4, "3", layer_norm=False, global_affine=False, permute=False),
}


@pytest.fixture(params=list(SWITCHES.values()), ids=list(SWITCHES))
def flow(request: pytest.FixtureRequest) -> FastFlow:
    return shaken(request.param)


def shaken(settings: FlowSettings, shape: tuple[int, int, int] = SHAPE) -> FastFlow:
    """A flow in float64 whose every parameter has moved from its start, or the maps would nearly be identities."""
    flow = FastFlow(shape, settings, seed=3).double()
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return flow


def maps(count: int = 2, shape: tuple[int, int, int] = SHAPE) -> Tensor:
    return torch.randn(count, *shape, generator=torch.Generator().manual_seed(5), dtype=torch.float64)


def test_it_undoes_itself(flow: FastFlow) -> None:
    x = maps()
    z, _ = flow.transform(x)
    assert not torch.allclose(z, x, atol=0.02)
    torch.testing.assert_close(flow.inverse(z), x, rtol=1e-9, atol=1e-9)


def test_its_log_determinant_is_that_of_the_autograd_jacobian(flow: FastFlow) -> None:
    x = maps(1)
    _, log_det = flow.transform(x)
    jacobian = jacobian_of(lambda v: flow.transform(v)[0], x)
    stated = log_det.sum() + flow.affine_log_det().sum()
    torch.testing.assert_close(stated, torch.linalg.slogdet(jacobian).logabsdet, rtol=1e-9, atol=1e-9)


def test_the_fused_flow_is_the_flow(flow: FastFlow) -> None:
    x = 2 * maps(3) + 1
    before = x.clone()
    for found, expected in zip(Fused(flow)(x), flow(x), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)
    assert torch.equal(x, before), "what was handed over belongs to the caller"


@pytest.mark.parametrize("kernels", ["3", "3|1"])
def test_the_fused_flow_agrees_in_single_precision_and_over_several_rounds(kernels: str) -> None:
    shape = (16, 128, 96)  # three of five at a time
    flow = shaken(FlowSettings(steps=2, kernels=kernels), (16, 1, 1)).float()
    whole = FastFlow(shape, FlowSettings(steps=2, kernels=kernels, layer_norm=False), seed=3)
    whole.couplings.load_state_dict(flow.couplings.state_dict())
    x = torch.randn(5, *shape, generator=torch.Generator().manual_seed(6))
    for found, expected in zip(Fused(whole)(x), whole(x), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    last = x.contiguous(memory_format=torch.channels_last)
    assert torch.equal(Fused(whole)(last)[0], Fused(whole)(x)[0])


def test_the_fused_flow_follows_its_weights_and_takes_no_picture() -> None:
    flow, x = shaken(FOUR), maps()
    before = Fused(flow)(x)[0]
    with torch.no_grad():
        next(iter(flow.couplings[0].parameters())).mul_(2)
    torch.testing.assert_close(Fused(flow)(x)[0], flow(x)[0])
    assert not torch.allclose(Fused(flow)(x)[0], before)
    z, log_det = Fused(flow)(x[:0])
    assert z.shape == (0, *SHAPE)
    assert log_det.shape == (0, *SHAPE[1:])


@pytest.mark.parametrize("fused", [False, True], ids=["trained", "fused"])
def test_half_precision_is_for_convolutions_alone(fused: bool) -> None:
    flow = shaken(FOUR).float()
    x = maps().float()
    with torch.autocast("cpu", torch.bfloat16):
        z, log_det = Fused(flow)(x) if fused else flow(x)
    assert z.dtype == log_det.dtype == torch.float32
    torch.testing.assert_close(z, flow(x)[0], rtol=0.05, atol=0.05)
    assert Fused(flow)(x.bfloat16())[1].dtype == torch.float32


@pytest.mark.parametrize("kernel", [1, 3])
def test_one_couplings_log_determinant_is_that_of_the_autograd_jacobian(kernel: int) -> None:
    coupling = Coupling(4, kernel, torch.Generator().manual_seed(0), FlowSettings()).double()
    assert coupling.global_scale is not None
    with torch.no_grad():
        coupling.global_scale.add_(torch.linspace(-3, 3, 4, dtype=torch.float64).view(4, 1, 1))
    x = 3 * maps(1, (4, 2, 3))
    jacobian = jacobian_of(lambda v: coupling(v)[0], x)
    torch.testing.assert_close(coupling(x)[1].sum(), torch.linalg.slogdet(jacobian).logabsdet, rtol=1e-9, atol=1e-9)


def test_its_global_scale_starts_at_one() -> None:
    affine = Coupling(6, 3, torch.Generator().manual_seed(0), FlowSettings()).affine()
    assert affine is not None
    torch.testing.assert_close(affine[0], torch.ones(6, 1, 1))


@pytest.mark.parametrize("clamp", [2.0, 0.5])
def test_no_step_scales_by_more_than_its_clamp(clamp: float) -> None:
    coupling = Coupling(4, 1, torch.Generator().manual_seed(0), FlowSettings(clamp=clamp))
    with torch.no_grad():
        list(coupling.subnet.parameters())[-1].fill_(1e6)
    _, log_det = coupling(torch.randn(1, 4, 2, 2))
    assert float(log_det.detach().max()) <= 2 * clamp + 1e-4  # two moved channels, global scale 1


@pytest.mark.parametrize(("kernels", "expected"), [("3|1", [3, 1, 3, 1]), ("3", [3, 3, 3, 3])])
def test_kernels_say_which_steps_look_at_single_pixels(kernels: str, expected: list[int]) -> None:
    flow = FastFlow(SHAPE, FlowSettings(4, kernels), seed=0)
    convolutions = [part for part in flow.modules() if isinstance(part, nn.Conv2d)]
    assert [convolution.kernel_size[0] for convolution in convolutions[::2]] == expected
    assert [convolution.kernel_size[0] for convolution in convolutions[1::2]] == expected


@pytest.mark.parametrize(("hidden", "channels"), [(1.0, 3), (2.0, 6), (0.1, 1)])
def test_hidden_is_the_width_of_a_subnet(hidden: float, channels: int) -> None:
    coupling = FastFlow(SHAPE, FlowSettings(1, hidden=hidden), seed=0).steps()[0]
    assert coupling.convolutions()[0][0].shape == (channels, 3, 3, 3)


def test_what_is_switched_off_leaves_no_parameters() -> None:
    names = FastFlow(SHAPE, SWITCHES["bare couplings"], seed=0).state_dict()
    assert not [name for name in names if "norm" in name or "global_scale" in name or "offset" in name]


@pytest.mark.parametrize("wrong", [{"kernels": "5"}, {"steps": 0}, {"clamp": 0.0}, {"hidden": -1.0}])
def test_settings_that_make_no_flow_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"unknown kernels|are positive"):
        FlowSettings(**wrong)  # type: ignore[arg-type]


def test_one_seed_gives_one_flow() -> None:
    first, again, other = (FastFlow(SHAPE, 2, seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)
