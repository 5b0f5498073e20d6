"""What the detector costs on this machine, side by side in one process; figures of another moment say little.

`run` returns a document for `--json`, `lines` the same as a table for people.
"""

from .benchmark import ACCELERATED, BATCHES, Plan, run
from .report import lines

__all__ = ["ACCELERATED", "BATCHES", "Plan", "lines", "run"]
