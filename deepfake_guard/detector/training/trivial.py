"""What a detector could get by without looking at the face: seven statistics of the crop, and a classifier on them.

Where these alone tell a collection from genuine faces, a high AUC of a trained head may be about the collection, not
about generation.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .extra import needs
from .statistics import Floats, auc

NAMES = ("brightness", "contrast", "red_green", "yellow_blue", "sharpness", "blockiness", "border")
FOLDS = 5


def statistics(crop: NDArray[np.uint8]) -> tuple[float, ...]:
    """Seven numbers of one crop uint8 [s, s, 3], as in `NAMES`.

    Mean and deviation of the luma; means of two opponent colours; log variance of the Laplacian; steps across the
    8-pixel grid of JPEG over steps elsewhere; deviation of the outermost tenth (a flat ground has none).
    """
    red, green, blue = np.moveaxis(crop.astype(np.float64), 2, 0)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    laplacian = 4 * luma[1:-1, 1:-1] - luma[:-2, 1:-1] - luma[2:, 1:-1] - luma[1:-1, :-2] - luma[1:-1, 2:]
    across, down = np.abs(np.diff(luma, axis=1)), np.abs(np.diff(luma, axis=0))
    on_grid = (across[:, 7::8].mean() + down[7::8].mean()) / 2
    off_grid = (across.mean() + down.mean()) / 2
    edge = max(1, len(luma) // 10)
    border = np.concatenate(
        [luma[:edge].ravel(), luma[-edge:].ravel(), luma[:, :edge].ravel(), luma[:, -edge:].ravel()]
    )
    return (
        float(luma.mean()), float(luma.std()), float((red - green).mean()), float(((red + green) / 2 - blue).mean()),
        float(np.log1p(laplacian.var())), float(on_grid / max(off_grid, 1e-6)), float(border.std()),
    )  # fmt: skip


def baseline(fakes: ArrayLike, genuine: ArrayLike, seed: int = 0) -> float | None:
    """AUC of a logistic regression on the statistics [f, 7] and [g, 7], out of fold (5 stratified folds, seeded).

    None where a group has fewer faces than folds. Raises ImportError with the install line without scikit-learn.
    """
    ones, others = np.asarray(fakes, dtype=np.float64), np.asarray(genuine, dtype=np.float64)
    if min(len(ones), len(others)) < FOLDS:
        return None
    needs("sklearn")
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    numbers, labels = np.concatenate([ones, others]), np.repeat([1, 0], [len(ones), len(others)])
    model = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=1000))
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    scores: Floats = cross_val_predict(model, numbers, labels, cv=folds, method="decision_function")
    return auc(scores[labels == 1], scores[labels == 0])[0]
