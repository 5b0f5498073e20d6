"""Pictures of method.md, stage A: the averages, how many directions they fill, and where they lie beside single faces.

Every function returns the bytes of a PNG. Average images show nobody; single faces appear as points only.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..gaussian import Gaussian

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Points = NDArray[np.float64]
_SINGLES, _AVERAGES, _QUIET = "#8a94a6", "#c2410c", "#475569"
_LEAST_FOR_TSNE = 10


def average_sheet(averages: NDArray[np.uint8], columns: int = 8, rows: int = 4, gap: int = 4) -> bytes:
    """The first columns · rows averages uint8 [N, s, s, 3], N >= 1, pixel for pixel, white between them."""
    from PIL import Image  # of the extra `worker`, like all pictures here

    shown = averages[: columns * rows]
    columns = min(columns, len(shown))
    side, lines = shown.shape[1], -(-len(shown) // columns)
    sheet = np.full((lines * (side + gap) + gap, columns * (side + gap) + gap, 3), 255, np.uint8)
    for at, average in enumerate(shown):
        top, left = (gap + place * (side + gap) for place in divmod(at, columns))
        sheet[top : top + side, left : left + side] = average
    stream = io.BytesIO()
    Image.fromarray(sheet).save(stream, "PNG")
    return stream.getvalue()


def eigenvalue_spectra(gaussians: Sequence[Gaussian]) -> bytes:
    """The variances of each layer's Gaussian by rank, beside the `reg` that fills what they leave."""
    figure, panels = _panels(1, len(gaussians))
    for at, (axes, gaussian) in enumerate(zip(panels[0], gaussians, strict=True)):
        variance, reg = gaussian.variance.cpu().double().numpy(), float(gaussian.reg)
        axes.loglog(np.arange(1, len(variance) + 1), np.maximum(variance, 1e-30), color=_AVERAGES, label="variance")
        axes.axhline(reg, color=_QUIET, linestyle="--", label=f"reg {reg:.0e}")
        axes.set_ylim(bottom=max(reg * 1e-4, float(variance.min()) * 0.5))
        axes.set_title(f"layer {at + 1}: {len(variance)} of {len(gaussian.mean)} directions")
        axes.set_xlabel("rank")
        axes.legend(frameon=False)
    panels[0][0].set_ylabel("variance along the direction")
    return _png(figure)


def singles_beside_averages(singles: Sequence[Points], averages: Sequence[Points], seed: int = 0) -> bytes:
    """Pooled features [n, d] of single faces and [N, d] of averages, per layer, in two dimensions.

    Above by PCA; below by t-SNE, where scikit-learn is installed and there are at least 10 points.
    """
    together = [np.concatenate(pair) for pair in zip(singles, averages, strict=True)]
    maps = {"PCA": [principal(points) for points in together]}
    if find_spec("sklearn") and min(len(points) for points in together) >= _LEAST_FOR_TSNE:
        maps["t-SNE"] = [neighbourhoods(points, seed) for points in together]
    figure, panels = _panels(len(maps), len(together))
    for line, (name, layers) in zip(panels, maps.items(), strict=True):
        for at, (axes, flat, alone) in enumerate(zip(line, layers, singles, strict=True)):
            count = len(alone)
            axes.scatter(*flat[:count].T, s=8, color=_SINGLES, linewidths=0, label=f"single faces ({count})")
            axes.scatter(*flat[count:].T, s=8, color=_AVERAGES, linewidths=0, label=f"averages ({len(flat) - count})")
            axes.set_title(f"layer {at + 1}, {name}")
            axes.set_xticks([])
            axes.set_yticks([])
    panels[0][0].legend(frameon=False)
    return _png(figure)


def learning_curve(curve: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> bytes:
    """Number of genuine training faces -> signal -> {"folded", "one_sided"}, as `ablations.learning_curve` gives it:
    mean AUC over collections, folded in lines, one-sided in dashes, 0.5 as the ground."""
    counts = sorted(curve, key=int)
    figure, panels = _panels(1, 1)
    axes = panels[0][0]
    for name, colour in zip(curve[counts[0]], (_AVERAGES, _SINGLES, _QUIET), strict=False):
        for side, style in (("folded", "-"), ("one_sided", "--")):
            areas = [curve[count][name][side] for count in counts]
            label = f"{name}, {side.replace('_', '-')}"
            axes.plot(
                [int(count) for count in counts], areas, style, color=colour, marker="o", markersize=3, label=label
            )
    axes.axhline(0.5, color=_QUIET, linewidth=0.6)
    axes.set_xscale("log")
    axes.set_xticks([int(count) for count in counts], counts)
    axes.minorticks_off()
    axes.set_xlabel("genuine training faces")
    axes.set_ylabel("mean AUC over collections")
    axes.legend(frameon=False, fontsize="small")
    return _png(figure)


def principal(points: Points) -> Points:
    """[n, d], n >= 2, d >= 2 -> their coordinates [n, 2] along the two directions of largest variance."""
    centred = points - points.mean(axis=0)
    left, singular, _ = np.linalg.svd(centred, full_matrices=False)
    coordinates: Points = left[:, :2] * singular[:2]
    return coordinates


def neighbourhoods(points: Points, seed: int) -> Points:
    """[n, d], n >= 10 -> [n, 2] by t-SNE (van der Maaten and Hinton, 2008), seeded; far distances mean little."""
    from sklearn.manifold import TSNE  # of the extra `train`

    perplexity = min(30.0, (len(points) - 1) / 3)
    flat = TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(points)
    return np.asarray(flat, np.float64)


def _panels(rows: int, columns: int) -> tuple[Figure, NDArray[np.object_]]:
    """A figure outside pyplot: nothing global to close, no window system."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # of the extra `train`; 0.3 s to import
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2 * columns, 3.6 * rows), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(rows, columns, squeeze=False)
    for axes in panels.flat:
        axes.spines[["top", "right"]].set_visible(False)
    return figure, panels


def _png(figure: Figure) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", metadata={"Software": None})
    return stream.getvalue()
