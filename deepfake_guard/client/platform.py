"""Calls about the platform itself and what screens for it."""

from __future__ import annotations

from deepfake_guard.client.answers import Detector
from deepfake_guard.client.calls import Call, path


def detector() -> Call[Detector]:
    """The detector in use; a Problem `no_detector` until a worker has warmed up."""
    return Call("GET", path("detector"))
