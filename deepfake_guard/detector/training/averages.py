"""Average images (method.md, stage A): the mean of K genuine faces, drawn N times, in bounded memory.

N accumulators of a whole picture may be more than there is memory for, and so may the pool. So averages are made in
blocks of as many accumulators as a byte budget holds, with one pass over the pool a block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Chunks = Callable[[], Iterable[Pixels]]
"""A pool too large for memory: every call starts a new pass over the same crops in the same order, uint8 [c, s, s, 3]
at a time, any c."""

K, N = 500, 1000
BUDGET = 2**30  # bytes: the published N at 224 px takes two passes
_CHUNK = 128  # crops added at a time, at most
_DENSE = 1 / 20  # share of (average, crop) pairs above which one matrix product beats adding picture by picture
_EXACT_IN_FLOAT32 = 2**24


def averages(
    crops: Pixels | Chunks,
    seed: int,
    size: int = K,
    count: int = N,
    *,
    pool: int | None = None,
    budget: int = BUDGET,
) -> Pixels:
    """`count` averages of `size` crops each, uint8 [count, s, s, 3], all in memory; see `streamed`."""
    blocks = streamed(crops, seed, size, count, pool=pool, budget=budget)
    first = next(blocks)
    result = np.empty((count, *first.shape[1:]), np.uint8)
    result[: len(first)] = first
    at = len(first)
    for block in blocks:
        result[at : at + len(block)] = block
        at += len(block)
    return result


def streamed(
    crops: Pixels | Chunks,
    seed: int,
    size: int = K,
    count: int = N,
    *,
    pool: int | None = None,
    budget: int = BUDGET,
) -> Iterator[Pixels]:
    """`count` averages of `size` crops each, a block uint8 [b, s, s, 3] at a time, one pass over the pool a block.

    crops: uint8 [n, s, s, 3] (a memory map will do), or a function that starts a pass over them; pool: how many a pass
    gives (unknown: one more pass counts them). budget: bytes of accumulators and what is needed beside them; the pool's
    own chunks are not counted. Each average draws without replacement. The draws follow the seed alone and sums are
    exact, rounded to 8 bit: the same averages at every budget.
    Raises ValueError when size exceeds the pool, when the budget is too small for one average, and when a pass differs.
    """
    chunks = crops if callable(crops) else (lambda: iter([crops]))
    first, pool = _look(chunks, len(crops) if not callable(crops) else pool)
    if not 1 <= size <= pool:
        raise ValueError(
            f"K = {size} faces an average cannot be drawn from a pool of {pool}: "
            f"an average of {size} faces needs at least as many; lower K or add faces"
        )
    plan = _Plan.within(budget, int(np.prod(first)), size, count)
    rng = np.random.default_rng(seed)
    for start in range(0, count, plan.block):
        rows = min(plan.block, count - start)
        # nothing but the result may outlive its block: the next one needs the memory
        sums = _sums(_pieces(chunks, plan.chunk, first), _draw(rng, pool, (rows, size)), pool, plan)
        result = _quantised(sums, size).reshape(rows, *first)
        del sums
        yield result


@dataclass(frozen=True, slots=True)
class _Plan:
    """How many accumulators a pass fills, crops are added at a time and pixels of a product are made at a time."""

    block: int
    chunk: int
    columns: int
    dtype: type[np.float32] | type[np.float64]

    @classmethod
    def within(cls, budget: int, pixels: int, size: int, count: int) -> _Plan:
        """Three quarters of the budget for accumulators with their draws and results, an eighth each for the rest."""
        dtype = np.float32 if size * 255 < _EXACT_IN_FLOAT32 else np.float64
        width = np.dtype(dtype).itemsize
        # an accumulator, its 8 bit result and the caller's last one, its draws and their order
        each = pixels * (width + 2) + size * 4 * 8
        block = min(count, budget * 3 // 4 // each)
        chunk = min(_CHUNK, budget // 8 // (pixels * width))
        if block < 1 or chunk < 1:
            least = max(-(-each * 4 // 3), pixels * width * 8)
            raise ValueError(f"{budget} bytes are too few for one average of {size} faces: it takes {least}")
        return cls(block, chunk, max(1, budget // 8 // (block * width)), dtype)


def _look(chunks: Chunks, pool: int | None) -> tuple[tuple[int, ...], int]:
    """The shape of one crop, and how many there are: counted by a pass where nobody says."""
    shape, counted = None, 0
    for chunk in chunks():
        shape, counted = chunk.shape[1:], counted + len(chunk)
        if pool is not None:
            break
    if shape is None:
        raise ValueError("the pool is empty: an average needs at least as many faces as it is made of")
    return shape, counted if pool is None else pool


def _draw(rng: np.random.Generator, pool: int, shape: tuple[int, int]) -> NDArray[np.int64]:
    """[rows, size] of a pool's indices, without replacement within a row; row after row from one stream."""
    drawn = np.empty(shape, np.int64)
    for row in drawn:
        row[:] = rng.choice(pool, shape[1], replace=False)
    return drawn


def _pieces(chunks: Chunks, size: int, shape: tuple[int, ...]) -> Iterator[NDArray[np.uint8]]:
    """One pass, in pieces [<= size, pixels]."""
    for chunk in chunks():
        if chunk.dtype != np.uint8 or chunk.shape[1:] != shape:
            raise ValueError(f"crops must be uint8 of one shape {shape}, got {chunk.dtype} {chunk.shape[1:]}")
        for start in range(0, len(chunk), size):
            piece = chunk[start : start + size]
            yield piece.reshape(len(piece), -1)


def _sums(pieces: Iterable[Pixels], drawn: NDArray[np.int64], pool: int, plan: _Plan) -> NDArray[np.floating]:
    """The pixel sums [rows, pixels] of the crops that each row of `drawn` [rows, size] names."""
    order = np.argsort(drawn, axis=None, kind="stable")
    wanted = drawn.ravel()[order]
    rows = order // drawn.shape[1]
    sums, at = np.zeros((len(drawn), 0), plan.dtype), 0
    for piece in pieces:
        if not at:
            sums = np.zeros((len(drawn), piece.shape[1]), plan.dtype)
        here = slice(*np.searchsorted(wanted, (at, at + len(piece))))
        _add(sums, piece, rows[here], wanted[here] - at, plan)
        at += len(piece)
    if at != pool:
        raise ValueError(f"a pass over the pool gave {at} of {pool} crops: hand over a function that starts anew")
    return sums


def _add(
    sums: NDArray[np.floating], piece: Pixels, rows: NDArray[np.int64], columns: NDArray[np.int64], plan: _Plan
) -> None:
    if len(rows) < _DENSE * len(sums) * len(piece):
        for row, column in zip(rows, columns, strict=True):
            sums[row] += piece[column]
        return
    members = np.zeros((len(sums), len(piece)), plan.dtype)
    members[rows, columns] = 1
    for start in range(0, piece.shape[1], plan.columns):
        block = slice(start, start + plan.columns)
        sums[:, block] += members @ piece[:, block].astype(plan.dtype)


def _quantised(sums: NDArray[np.floating], size: int) -> Pixels:
    result = np.empty(sums.shape, np.uint8)
    for row, total in zip(result, sums, strict=True):
        row[:] = np.rint(total / size)
    return result
