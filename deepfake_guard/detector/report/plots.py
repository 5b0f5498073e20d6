"""Plots as inline SVG: lines and bars over a frame with ticks, readable on light and dark grounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ticks = Mapping[float, str]  # place on the axis, 0..1 -> what is written there
Measured = tuple[float, float, float, float]  # level, share, and its interval's low and high, each 0..1

WIDTH, HEIGHT, EDGE = 300, 220, 34
GREY = "#9aa3ab"
COLOURS = ("#2f6fb0", "#c2571a", "#2e8b57", "#8a4fa3", "#b0892f", "#5b6770")

HALVES: Ticks = {0: "0", 0.5: "0.5", 1: "1"}


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
    parts = [_polyline([0, 1], [0, 1], GREY, "4 4")] if diagonal else []
    for colour, (x, y) in zip(_colours(len(curves)), curves.values(), strict=True):
        parts.append(_polyline(x, y, colour))
    return _framed(title, "".join(parts), across, up, list(curves), HALVES, HALVES)


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
    ticks = {at: f"{low + at * (high - low):.3g}" for at in (0.0, 0.5, 1.0)}
    return _framed(title, "".join(parts), across, "share of faces", list(groups), ticks, {0: "0", 1: f"{top:.2f}"})


def rates(
    title: str, groups: Mapping[str, Sequence[Measured]], band: Sequence[tuple[float, float]], across: str, up: str
) -> str:
    """Shares of several groups beside the levels that they should be, each with its interval; `band`: low and high of
    each level, drawn behind them. Axes by the square root, so that small shares have room and intervals of one n
    about one length."""
    levels = [point[0] for point in next(iter(groups.values()))]
    outline = [(level, low) for level, (low, _) in zip(levels, band, strict=True)]
    outline += [(level, high) for level, (_, high) in zip(levels, band, strict=True)][::-1]
    parts = [_area(*np.sqrt(np.asarray(outline).T)), _polyline([0, 1], [0, 1], GREY, "4 4")]
    for at, (colour, points) in enumerate(zip(_colours(len(groups)), groups.values(), strict=True)):
        aside = (at - (len(groups) - 1) / 2) * 0.02  # beside each other, so that none hides another
        for level, share, low, high in np.sqrt(np.asarray(points)):
            parts.append(_polyline([level + aside] * 2, [low, high], colour))
            parts.append(_polyline([level + aside - 0.009, level + aside + 0.009], [share, share], colour, width=4))
    ticks = {float(np.sqrt(at)): f"{at:g}" for at in (0, *levels, 1)}
    return _framed(title, "".join(parts), across, up, list(groups), ticks, ticks)


def _colours(count: int) -> list[str]:
    return [COLOURS[at % len(COLOURS)] for at in range(count)]


def _polyline(
    x: Sequence[float] | Floats, y: Sequence[float] | Floats, colour: str, dashes: str = "", width: float = 1.6
) -> str:
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<polyline points="{_points(x, y)}" fill="none" stroke="{colour}" stroke-width="{width}"{dashed}/>'


def _area(x: Floats, y: Floats) -> str:
    return f'<polyline points="{_points(x, y)}" fill="{GREY}" fill-opacity="0.35"/>'


def _points(x: Sequence[float] | Floats, y: Sequence[float] | Floats) -> str:
    inner_width, inner_height = WIDTH - EDGE - 8, HEIGHT - EDGE - 8
    return " ".join(
        f"{EDGE + float(a) * inner_width:.1f},{8 + (1 - float(b)) * inner_height:.1f}"
        for a, b in zip(x, y, strict=True)
    )


def _framed(title: str, inside: str, across: str, up: str, names: Sequence[str], x: Ticks, y: Ticks) -> str:
    right, bottom = WIDTH - 8, HEIGHT - EDGE + 0
    ticks = "".join(
        f'<text x="{EDGE + at * (right - EDGE):.0f}" y="{bottom + 14}" text-anchor="middle">{escape(text)}</text>'
        for at, text in x.items()
    ) + "".join(
        f'<text x="{EDGE - 4}" y="{bottom - at * (bottom - 8) + 4:.0f}" text-anchor="end">{escape(text)}</text>'
        for at, text in y.items()
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
