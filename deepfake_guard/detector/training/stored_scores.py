"""Raw scores of calibration, kept bucket by bucket: a run of a quarter of an hour goes on where it was stopped."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class StoredScores:
    """In `folder`, for the detector that `detector` names (its weights' hash): scores of another one are never used."""

    folder: Path
    detector: str

    def find(self, crops: NDArray[np.uint8], native_px: NDArray[np.int64], bucket: str, seed: int) -> dict[str, Floats]:
        """Signal -> raw scores of just these faces in this bucket; empty when there are none."""
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        path = self._path(crops, native_px, bucket, seed)
        try:
            return dict(load_file(path)) if path.is_file() else {}
        except SafetensorError:
            return {}  # cut off by a full disk: made again

    def keep(
        self, crops: NDArray[np.uint8], native_px: NDArray[np.int64], bucket: str, seed: int, scores: dict[str, Floats]
    ) -> None:
        """Written beside and moved, so that a killed run leaves no half file."""
        from safetensors.numpy import save_file

        self.folder.mkdir(parents=True, exist_ok=True)
        path = self._path(crops, native_px, bucket, seed)
        unfinished = path.with_suffix(".part")
        save_file(scores, unfinished)
        unfinished.replace(path)

    def _path(self, crops: NDArray[np.uint8], native_px: NDArray[np.int64], bucket: str, seed: int) -> Path:
        digest = hashlib.sha256(f"{self.detector} {crops.shape} {bucket} {seed}".encode())
        digest.update(np.ascontiguousarray(crops).data)
        digest.update(np.ascontiguousarray(native_px, dtype=np.int64).data)
        return self.folder / f"{bucket.replace('/', '-')}-{digest.hexdigest()[:16]}.safetensors"
