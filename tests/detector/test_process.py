"""What a process sets for itself before torch is there: read by OpenMP in time, and no score moves."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from typing import Any

import pytest

from deepfake_guard.detector import process

AS_A_COMMAND = """
import sys
from deepfake_guard.detector.__main__ import main
main(["info"])
assert "torch" not in sys.modules
import torch
"""
TWO_BATCHES = """
import hashlib, json, resource, sys
from deepfake_guard.detector import process
if sys.argv[1]:
    process.prepare()
import numpy as np
from deepfake_guard.detector import weights
crops = np.random.default_rng(0).integers(0, 256, (8, 224, 224, 3), dtype=np.uint8)
ensemble = weights.load(device="cpu").ensemble
ensemble.score(crops)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
raw = ensemble.score(crops)
faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
said = b"".join([*(scores.tobytes() for scores in raw.scores.values()), *(part.tobytes() for part in raw.muflow.maps)])
print(json.dumps({"scores": hashlib.sha256(said).hexdigest(), "faults": faults}))
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


def test_memory_stays_for_the_next_batch_and_no_score_moves() -> None:
    def measured(prepared: str) -> dict[str, Any]:
        command = [sys.executable, "-c", TWO_BATCHES, prepared]
        done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True)
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    plain, prepared = measured(""), measured("prepared")
    assert prepared["scores"] == plain["scores"]
    if platform.libc_ver()[0] == "glibc":
        # none to a tenth of them, as threads happen to begin with memory of their own or not
        assert prepared["faults"] < 0.3 * plain["faults"], (prepared, plain)
