"""The loss curves of a run of `fit_flow` as a picture."""

from __future__ import annotations

import io
from collections.abc import Sequence

from .flow_state import Progress


def curve_png(progress: Progress) -> bytes:
    """NLL of training and selection faces and the learning rate by epoch -> PNG. Raises ValueError before the first
    epoch."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # here: only training has matplotlib
    from matplotlib.figure import Figure

    if not progress.history:
        raise ValueError("a run has no curve before its first epoch")
    epochs = range(1, len(progress.history) + 1)
    figure = Figure(figsize=(7, 4), layout="constrained")
    FigureCanvasAgg(figure)
    losses = figure.add_subplot()
    for key, name in (("train", "training faces"), ("select", "selection faces")):
        losses.plot(epochs, _column(progress, key), label=name)
    losses.axvline(progress.best_epoch, linestyle=":", color="grey", label=f"chosen: epoch {progress.best_epoch}")
    losses.set(xlabel="epoch", ylabel="negative log-likelihood")
    losses.legend(loc="upper center")
    rates = losses.twinx()
    rates.step(epochs, _column(progress, "lr"), where="mid", color="tab:green", linewidth=0.8)
    rates.set(ylabel="learning rate", yscale="log")
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=110)
    return stream.getvalue()


def _column(progress: Progress, key: str) -> Sequence[float]:
    return [epoch[key] for epoch in progress.history]
