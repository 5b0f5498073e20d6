from __future__ import annotations

import numpy as np
import pytest
import torch

from deepfake_guard.detector import weights

from .artefacts import noise_crops

ACCELERATOR = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else ""


@pytest.mark.gpu
@pytest.mark.skipif(not ACCELERATOR, reason="needs a CUDA or MPS device, and none is here")
def test_an_accelerator_gives_the_scores_of_the_cpu() -> None:
    crops = noise_crops(4)
    here, there = weights.load(device="cpu").model.score(crops), weights.load(device=ACCELERATOR).model.score(crops)
    np.testing.assert_allclose(there.total, here.total, rtol=1e-3)
