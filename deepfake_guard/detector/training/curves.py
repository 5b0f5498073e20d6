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
    figure = Figure(figsize=(7, 6), layout="constrained")
    FigureCanvasAgg(figure)
    trained, chosen = figure.subplots(2, 1, sharex=True)  # what is minimised may be no likelihood: two scales
    trained.plot(epochs, _column(progress, "train"), label="training faces: what is minimised")
    trained.legend(loc="upper right")
    rates = trained.twinx()
    rates.step(epochs, _column(progress, "lr"), where="mid", color="tab:green", linewidth=0.8)
    rates.set(ylabel="learning rate", yscale="log")
    chosen.plot(epochs, _column(progress, "select"), color="tab:orange", label="selection faces: what chooses")
    chosen.axvline(progress.best_epoch, linestyle=":", color="grey", label=f"chosen: epoch {progress.best_epoch}")
    chosen.set(xlabel="epoch", ylabel="negative log-likelihood")
    chosen.legend(loc="upper right")
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=110)
    return stream.getvalue()


def _column(progress: Progress, key: str) -> Sequence[float]:
    return [epoch[key] for epoch in progress.history]
