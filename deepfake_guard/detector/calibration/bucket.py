"""One bucket: the scales of its signals, and the scores of its genuine faces to be counted."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from .scales import Floats, Fold, Fusion, Scale, Standard, finite

STRANGE = "strange"  # the fused scalar of the one-class signals alone
FUSED = "fused"  # the one that decides

Formulas = Mapping[str, Fusion]  # FUSED and STRANGE -> formula
Raw = Mapping[str, Floats]  # signal -> raw scores [n]


@dataclass(frozen=True, eq=False, slots=True)
class Bucket:
    """scales: signal -> its fold or standardisation. scores: signal, STRANGE or FUSED -> those of the n calibration
    faces, scaled, ascending float64 [n]."""

    scales: Mapping[str, Scale]
    scores: Mapping[str, Floats]

    @classmethod
    def fit(cls, select: Raw, genuine: Raw, heads: Collection[str], formulas: Formulas) -> Bucket:
        """Scales from raw scores [m] of selection faces, then counting raw scores [n] of calibration faces.

        Raises ValueError for scores that are not finite, or without spread.
        """
        scales: dict[str, Scale] = {}
        for name, raw in sorted(select.items()):
            try:
                scales[name] = Standard.fit(raw) if name in heads else Fold.fit(raw)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from error
        return cls.counted(scales, genuine, formulas)

    @classmethod
    def counted(cls, scales: Mapping[str, Scale], genuine: Raw, formulas: Formulas) -> Bucket:
        """With scales that are known."""
        empty = cls(scales, {})
        scaled = empty.scaled({name: finite(genuine[name]) for name in scales if name in genuine}, formulas)
        return cls(scales, {name: np.sort(values) for name, values in scaled.items()})

    @property
    def n(self) -> int:
        """Number of independent calibration faces."""
        return int(self.scores[FUSED].size)

    def usual(self) -> tuple[float, float]:
        """The fused score of a usual genuine face, and the one that one in twenty exceeds."""
        median, high = np.quantile(self.scores[FUSED], (0.5, 0.95))
        return float(median), float(high)

    def scaled(self, raw: Raw, formulas: Formulas) -> dict[str, Floats]:
        """Raw scores [n] of all signals -> signal, STRANGE and FUSED -> scaled scores [n].

        Raises ValueError for a missing signal, unequal lengths, or a score that is no finite number: it must never
        count as calm.
        """
        if missing := sorted(set(self.scales) - set(raw)):
            raise ValueError(f"no scores of {', '.join(missing)}")
        arrays = {name: np.asarray(raw[name], dtype=np.float64) for name in self.scales}
        if len({array.shape for array in arrays.values()}) != 1:
            raise ValueError(f"unequal numbers of scores: { {name: array.shape for name, array in arrays.items()} }")
        for name, array in arrays.items():
            if not np.isfinite(array).all():
                raise ValueError(f"a score must be a finite number, got {name} {array[~np.isfinite(array)][0]}")
        scaled = {name: self.scales[name](array) for name, array in arrays.items()}
        return {**scaled, **{name: formula(scaled) for name, formula in formulas.items()}}

    def reached(self, name: str, scaled: Floats) -> list[int]:
        """For each scaled score [k]: how many calibration faces have one at least as high."""
        return [int(self.n - below) for below in np.searchsorted(self.scores[name], scaled, side="left")]
