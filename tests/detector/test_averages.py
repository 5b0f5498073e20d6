"""Averages from pools of any size: exact, bounded in memory, the same whatever the blocks."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from deepfake_guard.detector.training.averages import averages, streamed

SIDE = 12
PIXELS = SIDE * SIDE * 3


def faces(count: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, SIDE, SIDE, 3), dtype=np.uint8)


class Reader:
    """A pool that is read in chunks and counts its passes."""

    def __init__(self, pictures: NDArray[np.uint8], chunk: int) -> None:
        self.pictures, self.chunk, self.passes = pictures, chunk, 0

    def __call__(self) -> Iterator[NDArray[np.uint8]]:
        self.passes += 1
        for start in range(0, len(self.pictures), self.chunk):
            yield self.pictures[start : start + self.chunk]


def by_hand(pictures: NDArray[np.uint8], seed: int, size: int, count: int) -> NDArray[np.uint8]:
    """Stage A's sentence (method.md), average by average."""
    rng = np.random.default_rng(seed)
    drawn = [pictures[rng.choice(len(pictures), size, replace=False)] for _ in range(count)]
    return np.stack([np.rint(some.astype(np.float64).mean(axis=0)) for some in drawn]).astype(np.uint8)


@pytest.mark.parametrize("size", [1, 4, 40], ids=["one", "few of many", "all"])
def test_they_are_the_rounded_means_of_the_drawn_faces(size: int) -> None:
    pool = faces(40)
    assert np.array_equal(averages(pool, seed=5, size=size, count=7), by_hand(pool, 5, size, 7))


@pytest.mark.parametrize("budget", [2**15, 2**16, 2**18, 2**30])
@pytest.mark.parametrize("chunk", [1, 7, 300])
def test_they_are_the_same_whatever_the_budget_and_the_chunks(budget: int, chunk: int) -> None:
    pool = faces(90)
    reader = Reader(pool, chunk)
    blocks = list(streamed(reader, seed=1, size=30, count=25, pool=90, budget=budget))
    assert np.array_equal(np.concatenate(blocks), by_hand(pool, 1, 30, 25))
    assert reader.passes == len(blocks) + 1  # one look at the shape, then one pass a block
    assert (len(blocks) > 1) == (budget < 2**18)


def test_an_uncounted_pool_is_counted_by_a_pass_of_its_own() -> None:
    pool, reader = faces(33), Reader(faces(33), 5)
    assert np.array_equal(averages(reader, seed=0, size=33, count=2), by_hand(pool, 0, 33, 2))
    assert reader.passes == 2


def test_a_memory_map_is_a_pool(tmp_path: Path) -> None:
    pool = faces(20)
    np.save(tmp_path / "pool.npy", pool)
    mapped = np.load(tmp_path / "pool.npy", mmap_mode="r")
    assert np.array_equal(averages(mapped, seed=2, size=9, count=4), by_hand(pool, 2, 9, 4))


def test_the_memory_stays_within_the_budget() -> None:
    pool, budget = faces(400), 2**19
    tracemalloc.start()
    for block in streamed(Reader(pool, 64), seed=0, size=50, count=1000, pool=400, budget=budget):
        assert block.nbytes < budget
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 3 * budget < 1000 * PIXELS * 4  # all accumulators at once would not fit
    assert peak < budget


def test_more_faces_than_float32_counts_exactly_are_still_exact() -> None:
    white = np.full((1, 1, 1, 3), 255, np.uint8)
    pool = np.repeat(white, 66_000, axis=0)
    pool[0] = 0
    assert averages(pool, seed=0, size=66_000, count=1).tolist() == [[[[255, 255, 255]]]]


def test_one_seed_gives_one_set_of_averages_and_another_seed_another() -> None:
    pool = faces(30)
    first, again, other = (averages(pool, seed, size=5, count=6) for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_more_faces_an_average_than_the_pool_has_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="K = 500 faces an average cannot be drawn from a pool of 30"):
        averages(faces(30), seed=0)
    with pytest.raises(ValueError, match="pool of 30"):
        next(streamed(Reader(faces(30), 4), seed=0, size=31))


def test_a_budget_below_one_average_says_what_it_takes() -> None:
    with pytest.raises(ValueError, match="too few for one average") as refused:
        averages(faces(9), seed=0, size=3, count=2, budget=1000)
    least = int(str(refused.value).rsplit(" ", 1)[1])
    assert averages(faces(9), seed=0, size=3, count=2, budget=least).shape == (2, SIDE, SIDE, 3)


def test_a_pool_that_cannot_be_read_again_is_an_error() -> None:
    once = iter([faces(10), faces(10)])
    with pytest.raises(ValueError, match="gave 10 of 20 crops"):
        averages(lambda: once, seed=0, size=4, count=2, pool=20)


@pytest.mark.parametrize(
    ("chunks", "complaint"),
    [([], "the pool is empty"), ([faces(3), faces(3)[:, :4]], "of one shape"), ([faces(3) / 2], "must be uint8")],
)
def test_what_is_no_pool_is_refused(chunks: list[NDArray[np.uint8]], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        averages(lambda: chunks, seed=0, size=2, count=2)
