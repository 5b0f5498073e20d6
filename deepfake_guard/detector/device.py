"""Which device the detector runs on, in what precision, and with how many threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import torch

FEW = 4  # pictures a core works on together: the widest maps of more (lite0 at 224 px: 4.8 MB each) leave its caches

Part = TypeVar("Part")
Made = TypeVar("Made")


class DeviceError(RuntimeError):
    """The device asked for by name is not there."""


def choose(name: str = "auto") -> torch.device:
    """Turn "auto", "cpu", "cuda", "cuda:N" or "mps" into a device.

    "auto" is the first CUDA device, else the CPU ("mps" only by name: forking after Metal started is unsafe).
    Raises DeviceError when a device asked for by name is missing, rather than quietly running elsewhere.
    """
    import torch  # here: the command line must be able to print its help without loading torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise DeviceError(f"unknown device {name!r}: use auto, cpu, cuda:N or mps") from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise DeviceError(f"{name} is not there: {torch.cuda.device_count()} CUDA devices found")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise DeviceError("mps is not available here")
    if device.type not in {"cpu", "cuda", "mps"}:
        raise DeviceError(f"{name} is not supported: use auto, cpu, cuda:N or mps")
    return device


def precision(name: str, device: torch.device) -> torch.dtype:
    """What convolutions are computed in: "float32", "bfloat16", or "auto".

    "auto" is float32, whose scores the calibration was made with, everywhere; bfloat16 is for speed and by name.
    Raises DeviceError where the device has no bfloat16.
    """
    import torch

    if name in {"auto", "float32"}:
        return torch.float32
    if name != "bfloat16":
        raise DeviceError(f"unknown precision {name!r}: use auto, float32 or bfloat16")
    if not has_bfloat16(device):
        raise DeviceError(f"{device} computes no bfloat16: use float32")
    return torch.bfloat16


def has_bfloat16(device: torch.device) -> bool:
    """Whether convolutions can be computed in bfloat16 there: every CPU, CUDA that says so, Metal from macOS 14 on."""
    import torch

    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    if device.type == "mps":
        return torch.amp.is_autocast_available("mps") and bool(torch.backends.mps.is_macos_or_newer(14, 0))
    return True


def compiled(module: torch.nn.Module) -> None:
    """Compile a module's forward in place for any batch size: parameters keep their names, the first call is slow.

    It needs a C++ compiler, on CUDA Triton: where they are missing the first call raises torch's own error.
    """
    module.compile(dynamic=True)


def one_blas_thread() -> AbstractContextManager[Any]:
    """numpy's matrix products in the calling thread alone, for what stands between two networks.

    OpenBLAS keeps threads of its own beside torch's. After a product they spin for a while, waiting for the next, and
    take the cores from the convolutions that follow: on two cores half of a batch's time.
    """
    held: AbstractContextManager[Any] = _openblas().limit(limits=1)
    return held


def share(pictures: int, device: torch.device, most: int) -> int:
    """How many of these a part of `abreast` has: `most` on an accelerator; on a CPU an even share for each of torch's
    threads, and FEW at most."""
    import torch

    return most if device.type != "cpu" else min(FEW, max(1, -(-pictures // torch.get_num_threads())))


def abreast(work: Callable[[Part], Made], parts: Sequence[Part], device: torch.device) -> list[Made]:
    """`work` of each part, in order; on a CPU as many at once as torch has threads, each part in one thread.

    Threads that share a convolution wait for each other after every layer, and spin while they wait. On two cores that
    have other work as well that was six parts in seven of the time; whole batches wait for nobody, and give the same
    numbers on any number of cores.
    """
    import torch

    threads = torch.get_num_threads()
    if device.type != "cpu" or min(len(parts), threads) < 2:
        return [work(part) for part in parts]
    try:
        with one_blas_thread(), ThreadPoolExecutor(threads, "part", torch.set_num_threads, (1,)) as pool:
            return list(pool.map(work, parts))
    finally:
        torch.set_num_threads(threads)  # threads that start later take the number that was set last, by whomever


@cache
def _openblas() -> Any:
    import numpy as np  # noqa: F401  it must be loaded to be found
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(internal_api="openblas")


def synchronise(device: torch.device) -> None:
    """Wait until everything asked of the device is done, so that a clock can be read."""
    import torch

    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
