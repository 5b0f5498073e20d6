"""`make bench`: what the detector costs here, side by side in one run; written to docs/benchmarks.md.

ROUNDS=3 in the environment makes it shorter; FACES is where YuNet's file lies.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from deepfake_guard.detector import bench

FACES = Path(os.environ.get("FACES", Path(__file__).parents[3] / "shared/models"))
PAGE = Path(__file__).parents[2] / "docs/benchmarks.md"
HEAD = """\
# Benchmarks

Written by `make bench`; `python -m deepfake_guard.detector bench --json` gives the same as a document. Shipped weights
on the CPU for starting and photographs, random weights for arithmetic, whose speed does not depend on them. The
published arithmetic was written for this comparison from the paper's description ([the method](method.md)); a test
holds it to ours. The process is set up as a scan worker is: [threads and memory](#threads-and-memory).
"""
ELSEWHERE = "## On other machines"  # written by hand; the rest of the page is made anew


@pytest.mark.bench
@pytest.mark.timeout(3600)
def test_what_a_face_costs() -> None:
    plan = bench.Plan(rounds=int(os.environ.get("ROUNDS", "5")))
    document = bench.run(plan, face_finder=FACES if FACES.is_dir() else None, say=print)
    _, mark, elsewhere = PAGE.read_text(encoding="utf-8").partition(ELSEWHERE)
    made = "\n".join([HEAD, *bench.lines(document), "", f"{mark}{elsewhere}"]).rstrip()
    PAGE.write_text(f"{made}\n", encoding="utf-8")
    assert document["start"]["peak_mb"] < 4096
    assert document["photographs"]["faces"] > 0
