from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image
from skimage import data

PICTURES = 10
COMMAND = [sys.executable, "-m", "deepfake_guard.detector", "score", "--json"]


def timed(paths: list[Path]) -> tuple[float, list[str]]:
    began = time.monotonic()
    done = subprocess.run([*COMMAND, *map(str, paths)], capture_output=True, text=True, check=True)
    return time.monotonic() - began, [json.loads(line)["status"] for line in done.stdout.splitlines()]


@pytest.mark.bench
@pytest.mark.timeout(600)
def test_ten_pictures_take_seconds_and_fit_a_small_machine(tmp_path: Path) -> None:
    portrait = Image.fromarray(data.astronaut())  # type: ignore[no-untyped-call]
    paths = [tmp_path / f"{number}.jpg" for number in range(PICTURES)]
    for number, path in enumerate(paths):
        portrait.rotate(number, resample=Image.Resampling.BICUBIC).resize((1024, 1024)).save(path, quality=80 + number)
    timed(paths[:1])  # fills the caches
    one, _ = timed(paths[:1])
    all_ten, statuses = timed(paths)
    each = (all_ten - one) / (PICTURES - 1)
    megabytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)
    sys.stdout.write(
        f"\n{PICTURES} pictures of 1024 x 1024 px: {all_ten:.1f} s with start-up, {each * 1000:.0f} ms for each further"
        f" one, {megabytes:.0f} MB at most\n"
    )
    assert statuses == ["done"] * PICTURES
    assert megabytes < 4096
