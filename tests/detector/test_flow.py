"""The flow is what its mathematics says: invertible, with the log-determinant that autograd finds."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from deepfake_guard.detector.flow import Coupling, FastFlow

from .artefacts import jacobian_of

SHAPE = (5, 3, 4)  # odd channels: the kept part is the larger one


def shaken(steps: int = 8, shape: tuple[int, int, int] = SHAPE) -> FastFlow:
    """A flow in float64 whose every parameter has moved from its start, or the maps would nearly be identities."""
    flow = FastFlow(shape, steps, seed=3).double()
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return flow


def maps(count: int = 2, shape: tuple[int, int, int] = SHAPE) -> Tensor:
    return torch.randn(count, *shape, generator=torch.Generator().manual_seed(5), dtype=torch.float64)


def test_it_undoes_itself() -> None:
    flow, x = shaken(), maps()
    z, _ = flow.transform(x)
    assert not torch.allclose(z, x, atol=0.1)
    torch.testing.assert_close(flow.inverse(z), x, rtol=1e-9, atol=1e-9)


def test_its_log_determinant_is_that_of_the_autograd_jacobian() -> None:
    flow, x = shaken(), maps(1)
    _, log_det = flow.transform(x)
    jacobian = jacobian_of(lambda v: flow.transform(v)[0], x)
    stated = log_det.sum() + flow.affine_log_det().sum()
    torch.testing.assert_close(stated, torch.linalg.slogdet(jacobian).logabsdet, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kernel", [1, 3])
def test_one_couplings_log_determinant_is_that_of_the_autograd_jacobian(kernel: int) -> None:
    coupling = Coupling(4, kernel, torch.Generator().manual_seed(0)).double()
    with torch.no_grad():
        coupling.global_scale.add_(torch.linspace(-3, 3, 4, dtype=torch.float64).view(4, 1, 1))
    x = 3 * maps(1, (4, 2, 3))
    jacobian = jacobian_of(lambda v: coupling(v)[0], x)
    torch.testing.assert_close(coupling(x)[1].sum(), torch.linalg.slogdet(jacobian).logabsdet, rtol=1e-9, atol=1e-9)


def test_its_global_scale_starts_at_one() -> None:
    coupling = Coupling(6, 3, torch.Generator().manual_seed(0))
    torch.testing.assert_close(coupling._scale(), torch.ones(6, 1, 1))


def test_no_step_scales_by_more_than_its_clamp() -> None:
    coupling = Coupling(4, 1, torch.Generator().manual_seed(0))
    with torch.no_grad():
        list(coupling.subnet.parameters())[-1].fill_(1e6)
    _, log_det = coupling(torch.randn(1, 4, 2, 2))
    assert float(log_det.detach().max()) <= 2 * 2.0 + 1e-4  # two moved channels, clamp 2, global scale 1


def test_only_odd_steps_look_at_single_pixels() -> None:
    convolutions = [part for part in FastFlow(SHAPE, 4, seed=0).modules() if isinstance(part, nn.Conv2d)]
    kernels = [convolution.kernel_size[0] for convolution in convolutions[::2]]
    assert kernels == [3, 1, 3, 1]


def test_one_seed_gives_one_flow() -> None:
    first, again, other = (FastFlow(SHAPE, 2, seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)
