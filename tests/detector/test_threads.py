from __future__ import annotations

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from deepfake_guard.detector.device import one_blas_thread


def openblas_threads() -> list[int]:
    assert np.ones((2, 2)) @ np.ones(2) is not None  # loads it
    return [pool["num_threads"] for pool in threadpool_info() if pool["internal_api"] == "openblas"]


def test_it_keeps_numpys_products_to_one_thread_and_gives_the_threads_back() -> None:
    before = openblas_threads()
    if not before:
        pytest.skip("this numpy has no OpenBLAS")
    with one_blas_thread():
        assert set(openblas_threads()) == {1}
    assert openblas_threads() == before
