"""A host's own photos in small: few faces are enough, and a tiny artefact stands for the shipped one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from deepfake_guard.detector.training import reals

from .artefacts import tiny_artefact

FEW = {"FULL_FROM": 30, "QUICK_FROM": 10, "QUICK_MOST": 20, "QUICK_JUDGE": 5}


@pytest.fixture(scope="module", autouse=True)
def few() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in FEW.items():
            patch.setattr(reals, name, value)
        yield


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shipped")
    tiny_artefact(folder)
    return folder
