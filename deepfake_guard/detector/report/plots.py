"""Plots as inline SVG: lines and bars over a frame with ticks, readable on light and dark grounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

WIDTH, HEIGHT, EDGE = 300, 220, 34
COLOURS = ("#2f6fb0", "#c2571a", "#2e8b57", "#8a4fa3", "#b0892f", "#5b6770")


def roc(fakes: Floats, genuine: Floats) -> tuple[Floats, Floats]:
    """(false alarms, caught), each ascending in 0..1: one point a distinct threshold."""
    thresholds = np.unique(np.concatenate([fakes, genuine]))
    ordered_fakes, ordered_genuine = np.sort(fakes), np.sort(genuine)
    alarms = 1 - np.searchsorted(ordered_genuine, thresholds, "left") / genuine.size
    caught = 1 - np.searchsorted(ordered_fakes, thresholds, "left") / fakes.size
    return np.concatenate([[0.0], alarms[::-1], [1.0]]), np.concatenate([[0.0], caught[::-1], [1.0]])


def lines(
    title: str,
    curves: Mapping[str, tuple[Sequence[float] | Floats, Sequence[float] | Floats]],
    across: str,
    up: str,
    diagonal: bool = True,
) -> str:
    """Curves name -> (x, y), all in 0..1."""
    parts = [_polyline([0, 1], [0, 1], "#9aa3ab", "4 4")] if diagonal else []
    for colour, (x, y) in zip(_colours(len(curves)), curves.values(), strict=True):
        parts.append(_polyline(x, y, colour))
    return _framed(title, "".join(parts), across, up, list(curves), ("0", "0.5", "1"), ("0", "0.5", "1"))


def histograms(title: str, groups: Mapping[str, Floats], across: str, bins: int = 40) -> str:
    """Shares of each group over one common axis, cut to the middle 98 % of all values."""
    low, high = np.quantile(np.concatenate(list(groups.values())), (0.01, 0.99))
    high = high if high > low else low + 1.0
    counted = {
        name: np.histogram(np.clip(values, low, high), bins, (low, high))[0] / values.size
        for name, values in groups.items()
    }
    top = max(float(shares.max()) for shares in counted.values())
    parts = []
    for colour, shares in zip(_colours(len(counted)), counted.values(), strict=True):
        x, y = np.repeat(np.linspace(0, 1, bins + 1), 2)[1:-1], np.repeat(shares / top, 2)
        parts.append(_polyline(x, y, colour))
    ticks = tuple(f"{value:.3g}" for value in (low, (low + high) / 2, high))
    return _framed(title, "".join(parts), across, "share of faces", list(groups), ticks, ("0", "", f"{top:.2f}"))


def _colours(count: int) -> list[str]:
    return [COLOURS[at % len(COLOURS)] for at in range(count)]


def _polyline(x: Sequence[float] | Floats, y: Sequence[float] | Floats, colour: str, dashes: str = "") -> str:
    inner_width, inner_height = WIDTH - EDGE - 8, HEIGHT - EDGE - 8
    points = " ".join(
        f"{EDGE + float(a) * inner_width:.1f},{8 + (1 - float(b)) * inner_height:.1f}"
        for a, b in zip(x, y, strict=True)
    )
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.6"{dashed}/>'


def _framed(
    title: str, inside: str, across: str, up: str, names: Sequence[str], x: Sequence[str], y: Sequence[str]
) -> str:
    right, bottom = WIDTH - 8, HEIGHT - EDGE + 0
    ticks = "".join(
        f'<text x="{EDGE + at * (right - EDGE) / 2:.0f}" y="{bottom + 14}" text-anchor="middle">{escape(text)}</text>'
        for at, text in enumerate(x)
    ) + "".join(
        f'<text x="{EDGE - 4}" y="{bottom - at * (bottom - 8) / 2 + 4:.0f}" text-anchor="end">{escape(text)}</text>'
        for at, text in enumerate(y)
    )
    key = "".join(
        f'<li><i style="background:{colour}"></i>{escape(name)}</li>'
        for colour, name in zip(_colours(len(names)), names, strict=True)
    )
    return (
        f'<figure><figcaption>{escape(title)}</figcaption><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(title, quote=True)}"><rect x="{EDGE}" y="8" width="{right - EDGE}" '
        f'height="{bottom - 8}" fill="none" stroke="#9aa3ab"/>{ticks}{inside}'
        f'<text x="{(EDGE + right) / 2:.0f}" y="{HEIGHT - 4}" text-anchor="middle">{escape(across)}</text>'
        f'<text x="10" y="{bottom / 2:.0f}" text-anchor="middle" transform="rotate(-90 10 {bottom / 2:.0f})">'
        f"{escape(up)}</text></svg><ul>{key}</ul></figure>"
    )
