"""Threads of the libraries beneath do not get in each other's way."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info

from deepfake_guard.detector.device import FEW, abreast, one_blas_thread, share
from deepfake_guard.detector.ensemble import Ensemble
from deepfake_guard.detector.signals.muflow import BATCH

from .artefacts import noise_crops, random_model
from .test_ensemble import SMALL

CPU = torch.device("cpu")


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


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


def test_parts_are_worked_on_by_one_thread_each_and_come_back_in_order(two_threads: None) -> None:
    def work(part: int) -> tuple[int, int, bool]:
        return part, torch.get_num_threads(), threading.current_thread() is threading.main_thread()

    assert abreast(work, range(5), CPU) == [(part, 1, False) for part in range(5)]
    assert torch.get_num_threads() == 2
    with ThreadPoolExecutor(1) as later:
        assert later.submit(torch.get_num_threads).result() == 2
    assert abreast(work, [7], CPU) == [(7, 2, True)], "one part alone has all threads"
    assert abreast(work, range(2), torch.device("cuda")) == [(0, 2, True), (1, 2, True)], "it has its own"


def test_a_cpu_shares_faces_out_to_its_threads_few_at_a_time(two_threads: None) -> None:
    assert [share(count, CPU, 32) for count in (0, 1, 2, 3, 5, 2 * FEW, 100)] == [1, 1, 1, 2, 3, FEW, FEW]
    assert share(3, torch.device("cuda"), 32) == 32


def test_what_a_part_raises_is_raised_and_the_threads_are_given_back(two_threads: None) -> None:
    with pytest.raises(ZeroDivisionError):
        abreast(lambda part: 1 / part, [1, 0, 2], CPU)
    assert torch.get_num_threads() == 2


def test_faces_scored_abreast_have_the_scores_of_one_thread(two_threads: None) -> None:
    ensemble, crops = Ensemble(random_model(SMALL)), noise_crops(2 * BATCH + 3)
    beside = ensemble.score(crops)
    torch.set_num_threads(1)
    alone = ensemble.score(crops)
    assert np.array_equal(beside.scores["muflow"], alone.scores["muflow"])
    assert all(np.array_equal(*maps) for maps in zip(beside.muflow.maps, alone.muflow.maps, strict=True))
