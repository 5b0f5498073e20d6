"""Reliability by bucket, drawn: a plot a bucket, observed shares beside the levels that they should be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..calibration import ROOT
from ..explain.words import bucket_words
from ..training.evaluation_figures import STEPS
from ..training.reliability import BY_CHANCE, DFDC_FACES, KNOWN, UNTRAINED
from . import plots

TITLE = "reliability by bucket"  # under which the figures stand in the JSON and on the page
WORDS = {KNOWN: "known sources", UNTRAINED: "never trained on", DFDC_FACES: "DFDC"}
NOTE = (
    "<p>Genuine test faces brought to the conditions of each bucket as the calibration faces were (simulated), judged "
    "by its counts. The share with p at or below a level should be that level, on the dashed line. Bars: 95 % "
    "intervals. Grey: where the true share lies in 95 of 100 calibrations on as many faces.</p>"
)


def drawn(content: Mapping[str, Any]) -> str:
    """content: what `training.reliability.by_bucket` gave."""
    figures = []
    for bucket, band in sorted(content[BY_CHANCE].items(), key=lambda each: each[0] == ROOT):  # three sizes a row
        found = {name: content[name][bucket] for name in WORDS if bucket in content.get(name, {})}
        if not found:
            continue
        groups = {f"{WORDS[name]}, n = {one['n']}": _points(one) for name, one in found.items()}
        bounds = [(low, high) for low, high in band.values()]
        figures.append(plots.rates(bucket_words(bucket), groups, bounds, "p", "share of faces ≤ p"))
    return f'{NOTE}<div class="plots">{"".join(figures)}</div>'


def _points(one: Mapping[str, Any]) -> list[plots.Measured]:
    return [(step, one[f"p<={step}"]["rate"], *one[f"p<={step}"]["interval"]) for step in STEPS]
