"""On what the figures were made, and what starting costs: read from the machine and from fresh processes."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")  # those that decide about single precision and bfloat16
# A process of its own: the clock starts after `import torch`, as the goal for loading says
START = """
import json, resource, sys, time
from pathlib import Path
from deepfake_guard.detector import process
process.prepare()
began = time.perf_counter()
import torch
imported = time.perf_counter()
import numpy as np
from deepfake_guard.detector import weights
artefact = weights.load(Path(sys.argv[1]) if sys.argv[1] else None, sys.argv[2])
loaded = time.perf_counter()
px = artefact.manifest.crop_px
artefact.ensemble.score(np.zeros((1, px, px, 3), np.uint8))
first = time.perf_counter()
artefact.ensemble.score(np.zeros((8, px, px, 3), np.uint8))
status = Path("/proc/self/status")
if status.is_file():  # ru_maxrss there counts what its parent held when it started this process
    peak = next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) / 1024
else:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
print(json.dumps({"import_torch_s": imported - began, "load_s": loaded - imported, "first_score_s": first - loaded,
                  "cold_start_s": first - began, "peak_mb": peak}))
"""


def named(device: torch.device) -> str:
    """The accelerator's own name, or "cpu" or "mps"."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def machine() -> dict[str, Any]:
    """Processor, its flags, cores, versions, the moment, and how busy the machine was (load average of a minute)."""
    listing = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").is_file() else ""
    said = dict(line.partition(":")[::2] for line in listing.splitlines() if ":" in line)
    facts = {key.strip(): value.strip() for key, value in said.items()}
    present = facts.get("flags", "").split()
    return {
        "processor": facts.get("model name") or platform.processor() or platform.machine(),
        "flags": [flag for flag in FLAGS if flag in present],
        "without": [flag for flag in FLAGS if flag not in present],
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load_average": os.getloadavg()[0],
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
    }


def starts(artefact: Path | None, rounds: int, device: torch.device) -> dict[str, float]:
    """Medians of fresh processes: seconds of `import torch`, of loading without it, of the first score; peak memory."""
    taken = []
    for _ in range(rounds):
        command = [sys.executable, "-c", START, str(artefact or ""), str(device)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        taken.append(json.loads(done.stdout.splitlines()[-1]))
    return {key: statistics.median(each[key] for each in taken) for key in taken[0]}
