"""`make bench`: what a picture costs here, side by side in one run; written to docs/benchmarks.md."""

from __future__ import annotations

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image
from skimage import data

PICTURES, ROUNDS = 10, 3
COMMAND = [sys.executable, "-m", "deepfake_guard.detector", "score", "--json"]
PAGE = Path(__file__).parents[2] / "docs/benchmarks.md"


def timed(paths: list[Path], *options: str) -> float:
    """Seconds of one whole command; every picture must have been scored."""
    began = time.monotonic()
    done = subprocess.run([*COMMAND, *options, *map(str, paths)], capture_output=True, text=True, check=True)
    took = time.monotonic() - began
    assert [json.loads(line)["status"] for line in done.stdout.splitlines()] == ["done"] * len(paths)
    return took


def pictures(folder: Path) -> tuple[list[Path], list[Path]]:
    """Ten photographs of one megapixel, and the ten faces in them as crops of 224 px."""
    portrait = Image.fromarray(data.astronaut())  # type: ignore[no-untyped-call]
    wholes, crops = [], []
    for number in range(PICTURES):
        turned = portrait.rotate(number, resample=Image.Resampling.BICUBIC)
        wholes.append(folder / f"{number}.jpg")
        turned.resize((1024, 1024)).save(wholes[-1], quality=80 + number)
        crops.append(folder / f"{number}-crop.jpg")
        turned.crop((150, 50, 297, 197)).resize((224, 224)).save(crops[-1], quality=92)
    return wholes, crops


def processor() -> str:
    listing = Path("/proc/cpuinfo")
    if not listing.is_file():
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in listing.read_text().splitlines() if "model name" in line]
    return names[0] if names else platform.machine()


@pytest.mark.bench
@pytest.mark.timeout(900)
def test_what_a_picture_costs(tmp_path: Path) -> None:
    wholes, crops = pictures(tmp_path)
    timed(wholes[:1])  # fills the caches
    starts, photos, faces = [], [], []
    for _ in range(ROUNDS):  # alternating, so that a slower minute touches all alike
        start = timed(wholes[:1])
        starts.append(start)
        photos.append((timed(wholes) - start) / (PICTURES - 1) * 1000)
        faces.append((timed(crops, "--crops") - timed(crops[:1], "--crops")) / (PICTURES - 1) * 1000)
    megabytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)
    photo, face = statistics.median(photos), statistics.median(faces)
    rows = (
        ("`score` of one picture, the whole command", f"{statistics.median(starts):.1f} s", spread(starts, "s", 1)),
        ("each further photograph of 1024 × 1024 px", f"{photo:.0f} ms", spread(photos, "ms", 0)),
        ("each further face crop (`--crops`)", f"{face:.0f} ms", spread(faces, "ms", 0)),
        ("rate on whole photographs over rate on crops", f"{face / photo:.2f}", ""),
        ("memory of the largest process", f"{megabytes:.0f} MB", ""),
    )
    table = "\n".join(f"| {name} | {median} | {least} |" for name, median, least in rows)
    PAGE.write_text(
        f"""# Benchmarks

Written by `make bench` on {datetime.now(UTC):%Y-%m-%d}: {processor()}, {os.cpu_count()} cores, {platform.system()} \
{platform.machine()}, Python {platform.python_version()},
starter weights on the CPU. {ROUNDS} alternating rounds, medians, and the least and the most seen.

| what | median | least – most |
|---|---|---|
{table}

A photograph costs decoding in the confined child, finding the face, cutting it, scoring it and making the pictures that
moderators see; a crop costs decoding and scoring alone.
"""
    )
    assert megabytes < 4096


def spread(values: list[float], unit: str, digits: int) -> str:
    return f"{min(values):.{digits}f} – {max(values):.{digits}f} {unit}"
