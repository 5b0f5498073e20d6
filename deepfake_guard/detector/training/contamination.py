"""What fakes among a host's "genuine" photos cost: planted in calibration, and planted in training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from ..calibration import Fold
from ..signals.base import Seen
from .evaluation_figures import rate
from .statistics import Floats


class Scorer(Protocol):
    """What was fitted on genuine faces: a signal, or anything that scores like one."""

    def score(self, faces: Seen) -> Floats:
        """Raw scores float64 [n]."""
        ...


class TooFewFakes(ValueError):
    """Fewer fakes than are to be planted and one to be caught."""


SHARES = (0.01, 0.02, 0.05)
LEVEL = 0.05
DRAWS = 50


def in_calibration(calibration: Floats, fakes: Floats, seed: int = 0, draws: int = DRAWS) -> dict[str, Any]:
    """Fused scalars of calibration faces [n] and of fakes [f] -> share planted -> share of the other fakes caught.

    Planted fakes stand in for genuine faces, so n stays. "caught": share of the fakes not planted with p <= 0.05, mean
    over seeded draws, with the middle 95 % of the draws; "loss" against none planted. Raises TooFewFakes.
    """
    counts = {share: _planted(share, len(calibration), len(fakes)) for share in SHARES}
    rng = np.random.default_rng(seed)
    clean = float(np.mean(_p_values(calibration, fakes) <= LEVEL))
    result: dict[str, Any] = {"0": {"n": len(calibration), "fakes": len(fakes), "caught": round(clean, 4), "loss": 0.0}}
    for share, count in counts.items():
        caught = []
        for _ in range(draws):
            order, kept = rng.permutation(len(fakes)), rng.permutation(len(calibration))[count:]
            mixed = np.concatenate([calibration[kept], fakes[order[:count]]])
            caught.append(float(np.mean(_p_values(mixed, fakes[order[count:]]) <= LEVEL)))
        mean = float(np.mean(caught))
        spread = [round(float(edge), 4) for edge in np.quantile(caught, (0.025, 0.975))]
        result[f"{share:g}"] = {
            "n": len(calibration), "planted": count, "fakes": len(fakes) - count, "caught": round(mean, 4),
            "spread": spread, "loss": round(clean - mean, 4),
        }  # fmt: skip
    return result


def in_training(
    fit: Callable[[Seen], Scorer],
    train: Seen,
    calibrate: Seen,
    genuine: Seen,
    fakes: Seen,
    share: float = 0.05,
    seed: int = 0,
) -> dict[str, Any]:
    """One signal fitted on clean training faces, and on the same with `share` of them fakes -> both judged.

    Planted fakes are judged by neither. Half of the calibration faces give the fold, the other half are counted; false
    alarms are those of `genuine`, which nothing else has seen. Raises TooFewFakes.
    """  # fmt: skip
    count = _planted(share, len(train), len(fakes))
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(fakes))
    planted, rest = _take(fakes, order[:count]), _take(fakes, order[count:])
    mixed = _joined(_take(train, rng.permutation(len(train))[count:]), planted)
    return {
        "planted": count,
        "clean": _judged(fit(train), calibrate, genuine, rest),
        "planted_in_training": _judged(fit(mixed), calibrate, genuine, rest),
    }


def _planted(share: float, faces: int, fakes: int) -> int:
    count = max(1, round(share * faces))
    if count >= fakes:
        raise TooFewFakes(f"{count} fakes are to be planted, and there are {fakes}")
    return count


def _judged(signal: Scorer, calibrate: Seen, genuine: Seen, fakes: Seen) -> dict[str, Any]:
    raw = signal.score(calibrate)
    fold = Fold.fit(raw[::2])
    counted = fold(raw[1::2])
    alarms, caught = (_p_values(counted, fold(signal.score(faces))) <= LEVEL for faces in (genuine, fakes))
    return {"false_alarms": rate([bool(one) for one in alarms]), "caught": rate([bool(one) for one in caught])}


def _p_values(calibration: Floats, scores: Floats) -> Floats:
    ordered = np.sort(calibration)
    reached = len(ordered) - np.searchsorted(ordered, scores, side="left")
    return np.asarray((1 + reached) / (len(ordered) + 1), dtype=np.float64)


def _take(faces: Seen, at: np.ndarray[Any, np.dtype[np.int64]]) -> Seen:
    return Seen(faces.crops[at], faces.frozen[at], None if faces.tuned is None else faces.tuned[at])


def _joined(first: Seen, second: Seen) -> Seen:
    tuned = None if first.tuned is None or second.tuned is None else np.concatenate([first.tuned, second.tuned])
    return Seen(np.concatenate([first.crops, second.crops]), np.concatenate([first.frozen, second.frozen]), tuned)
