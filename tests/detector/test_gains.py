"""What a one-class signal finds beside µFlow."""

from __future__ import annotations

import numpy as np
import pytest

from deepfake_guard.detector.calibration import Fold
from deepfake_guard.detector.training.ablations import Pool, beside, judged
from deepfake_guard.detector.training.crops import Pixels
from deepfake_guard.detector.training.statistics import Floats, auc

from .artefacts import noise_crops


def brightness(crops: Pixels) -> Floats:
    return np.asarray(crops.mean((1, 2, 3)), dtype=np.float64)


def contrast(crops: Pixels) -> Floats:
    return np.asarray(crops.std((1, 2, 3)), dtype=np.float64)


@pytest.fixture
def pool() -> Pool:
    darker = noise_crops(20, seed=3) // 2
    return Pool(noise_crops(8), noise_crops(24, seed=1), {"c": darker, "d": noise_crops(20, seed=4)})


def test_the_gain_is_that_of_the_greater_folded_score(pool: Pool) -> None:
    folded = {
        name: [Fold.fit(score(pool.select))(score(crops)) for score in (brightness, contrast)]
        for name, crops in {"select": pool.select, **pool.fakes}.items()
    }
    made = beside(brightness, contrast, pool)
    for name, one in made["collections"].items():
        both = auc(np.maximum(*folded[name]), np.maximum(*folded["select"]))[0]
        alone = auc(folded[name][0], folded["select"][0])[0]
        assert one["gain"] == pytest.approx(both - alone, abs=2e-4)
    assert made["gain"] == pytest.approx(np.mean([one["gain"] for one in made["collections"].values()]), abs=2e-4)


def test_beside_itself_a_signal_gains_nothing_and_is_judged_as_alone(pool: Pool) -> None:
    made = beside(contrast, contrast, pool)
    assert made["gain"] == 0
    assert {key: made[key] for key in ("n", "one_sided", "folded")}.items() <= judged(contrast, pool).items()
