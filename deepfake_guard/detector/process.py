"""What a process that scores sets for itself before it loads torch: how idle threads wait, and what memory it keeps."""

from __future__ import annotations

import ctypes
import os
import sys

SPIN = 1000  # turns in which an idle OpenMP thread looks for work before it sleeps, some 20 µs; libgomp's own: 300,000
KEPT = 256 * 2**20  # bytes of freed memory that stay with the process: maps of 32 faces come and go within them
PROMISED = 32 * 2**20  # the highest threshold of mappings that mallopt(3) promises to take
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # mallopt(3)
HOW_THREADS_WAIT = {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"}
WHAT_IS_KEPT = {"MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES"}


def prepare() -> None:
    """Call it before anything loads torch, whose OpenMP reads its variables once, then; a second call changes nothing.

    Torch's idle threads soon sleep instead of taking cores from whoever has work, and freed memory stays for the next
    batch instead of going back to the kernel, which hands each page out anew and zeroed. Neither touches a score. An
    environment that says something of its own (GOMP_SPINCOUNT, OMP_WAIT_POLICY; GLIBC_TUNABLES, MALLOC_*_THRESHOLD_)
    is left alone. Elsewhere than on Linux with glibc and libgomp nothing happens.
    """
    if not HOW_THREADS_WAIT & os.environ.keys():
        os.environ["GOMP_SPINCOUNT"] = str(SPIN)
    if sys.platform == "linux" and not WHAT_IS_KEPT & os.environ.keys():
        _keep_memory()


def _keep_memory() -> None:
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:  # not glibc
        return
    if mallopt(M_MMAP_THRESHOLD, KEPT) or mallopt(M_MMAP_THRESHOLD, PROMISED):
        mallopt(M_TRIM_THRESHOLD, KEPT)
