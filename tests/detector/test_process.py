"""What a process sets for itself before torch is there: read by OpenMP in time, and no score moves."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys

import pytest

from deepfake_guard.detector import process

AS_A_COMMAND = """
import sys
from deepfake_guard.detector.__main__ import main
main(["info"])
assert "torch" not in sys.modules
import torch
"""
SCORED = """
import hashlib, sys
from deepfake_guard.detector import process
if sys.argv[1]:
    process.prepare()
import numpy as np
from deepfake_guard.detector import weights
crops = np.random.default_rng(0).integers(0, 256, (8, 224, 224, 3), dtype=np.uint8)
raw = weights.load(device="cpu").ensemble.score(crops)
said = b"".join([*(scores.tobytes() for scores in raw.scores.values()), *(part.tobytes() for part in raw.muflow.maps)])
print(hashlib.sha256(said).hexdigest())
"""
FAULTS = """
import resource, sys
from deepfake_guard.detector import process
if sys.argv[1]:
    process.prepare()
def maps():
    held = [b"x" * (30 * 2**20) for _ in range(3)]
maps()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
maps()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def environment(**more: str) -> dict[str, str]:
    """As of a shell in which nobody has set anything of this."""
    left_out = process.HOW_THREADS_WAIT | process.WHAT_IS_KEPT
    return {**{name: value for name, value in os.environ.items() if name not in left_out}, **more}


@pytest.mark.parametrize(("given", "taken"), [({}, str(process.SPIN)), ({"GOMP_SPINCOUNT": "77"}, "77")])
def test_torchs_openmp_takes_the_short_wait_and_a_hosts_own_value_wins(given: dict[str, str], taken: str) -> None:
    told = environment(OMP_DISPLAY_ENV="VERBOSE", **given)
    done = subprocess.run([sys.executable, "-c", AS_A_COMMAND], env=told, capture_output=True, text=True, check=True)
    spins = re.findall(r"GOMP_SPINCOUNT = '(\d+)'", done.stderr)
    if not spins:
        pytest.skip("this torch brings another OpenMP")
    assert set(spins) == {taken}


def test_a_hosts_own_policy_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    process.prepare()
    assert "GOMP_SPINCOUNT" not in os.environ


def said(program: str, prepared: str) -> str:
    command = [sys.executable, "-c", program, prepared]
    return subprocess.run(command, env=environment(), capture_output=True, text=True, check=True).stdout


def test_no_score_moves() -> None:
    assert said(SCORED, "prepared") == said(SCORED, "")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told to keep freed memory")
def test_memory_stays_for_the_next_batch() -> None:
    plain, prepared = int(said(FAULTS, "")), int(said(FAULTS, "prepared"))
    assert prepared < 0.3 * plain, (prepared, plain)
