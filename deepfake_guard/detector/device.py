"""Which device the detector runs on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


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
