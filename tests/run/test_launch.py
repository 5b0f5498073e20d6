from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil

from deepfake_guard.detector.faces import YUNET_FILE

ROOT = Path(__file__).parents[2]


def test_a_start_that_fails_names_the_step_and_leaves_no_process(tmp_path: Path) -> None:
    var = tmp_path / "var"
    (tmp_path / YUNET_FILE).touch()  # nothing is fetched
    env = {"VAR": str(var), "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none", "DEEPFAKE_GUARD_FACES": str(tmp_path)}
    started = subprocess.run(
        [sys.executable, "-m", "deepfake_guard.run"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **env},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert started.returncode == 1
    assert "database | " in started.stdout
    assert "not started: database ended with exit 1" in started.stdout
    assert not (var / "run.json").exists()
    left = [process.info["cmdline"] for process in psutil.process_iter(["cmdline"]) if str(var) in str(process.info)]
    assert left == []
